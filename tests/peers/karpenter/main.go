// Karpenter with the provider whose machines KWOK plays, as a neighbour in tests. It is set by Karpenter's own
// environment variables, and ends when its standard input does, so that it never outlives the test that
// started it.
package main

import (
	"fmt"
	"io"
	"os"

	kwok "sigs.k8s.io/karpenter/kwok/cloudprovider"
	"sigs.k8s.io/karpenter/pkg/cloudprovider/overlay"
	"sigs.k8s.io/karpenter/pkg/controllers"
	"sigs.k8s.io/karpenter/pkg/controllers/state"
	"sigs.k8s.io/karpenter/pkg/operator"
)

func main() {
	go endWithInput()
	ctx, karpenter := operator.NewOperator()
	machines, err := kwok.ConstructInstanceTypes(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "read instance types:", err)
		os.Exit(1)
	}
	client := karpenter.GetClient()
	plain := kwok.NewCloudProvider(ctx, client, machines)
	priced := overlay.Decorate(plain, client, karpenter.InstanceTypeStore)
	all := controllers.NewControllers(
		ctx, karpenter.Manager, karpenter.Clock, client, karpenter.EventRecorder, priced, plain,
		state.NewCluster(karpenter.Clock, client, priced), karpenter.InstanceTypeStore,
	)
	karpenter.WithControllers(ctx, all...).Start(ctx)
}

// endWithInput ends the process when its standard input does: the other end is the test's alone.
func endWithInput() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}
