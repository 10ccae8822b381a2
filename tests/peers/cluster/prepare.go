package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	_ "embed"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"

	nodestages "sigs.k8s.io/kwok/kustomize/stage/node/fast"
	podstages "sigs.k8s.io/kwok/kustomize/stage/pod/fast"
)

// podRunFor completes pods after the time in their annotation.
//
//go:embed stages/pod-run-for.yaml
var podRunFor string

// prepare writes the key that signs service account tokens and KWOK's stages, one file each, into a
// folder: without stages no node becomes ready and no pod runs.
func prepare(args []string) int {
	if len(args) != 1 {
		fmt.Fprintln(os.Stderr, usage)
		return 2
	}
	key, err := signingKey()
	if err != nil {
		fmt.Fprintln(os.Stderr, "make the signing key:", err)
		return 1
	}
	files := map[string]string{
		"service-account.key":         string(key),
		"stages/node-initialize.yaml": nodestages.DefaultNodeInit,
		"stages/pod-ready.yaml":       podstages.DefaultPodReady,
		"stages/pod-complete.yaml":    podstages.DefaultPodComplete,
		"stages/pod-delete.yaml":      podstages.DefaultPodDelete,
		"stages/pod-run-for.yaml":     podRunFor,
	}
	for name, text := range files {
		path := filepath.Join(args[0], name)
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if err == nil {
			err = os.WriteFile(path, []byte(text), 0o600)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "prepare:", err)
			return 1
		}
	}
	return 0
}

func signingKey() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}
