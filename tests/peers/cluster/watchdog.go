package main

import (
	"io"
	"os"
	"path/filepath"
	"time"
)

// folderVariable names the run folder that the program is to remove when its input ends.
const folderVariable = "SPARKWRIGHT_TESTBED_REMOVE"

// markerFile stands in run folders; a folder without it is never removed.
const markerFile = ".sparkwright-testbed"

// endWithInput ends the process when its standard input does. The other end of that pipe is held by the
// test process alone, so it closes when that process ends, killed or not.
func endWithInput() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	removeFolder(os.Getenv(folderVariable))
	os.Exit(0)
}

// removeFolder removes a run folder. The programs that write into it end at the same moment, so it is
// tried for a while.
func removeFolder(folder string) {
	if folder == "" {
		return
	}
	if _, err := os.Stat(filepath.Join(folder, markerFile)); err != nil {
		return
	}
	for attempt := 0; attempt < 20 && os.RemoveAll(folder) != nil; attempt++ {
		time.Sleep(50 * time.Millisecond)
	}
}
