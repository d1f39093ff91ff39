package main

import (
	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
)

// runKubectl is the real kubectl: what the docs tell people to type is run by it, as it is typed.
func runKubectl() int {
	return cli.Run(cmd.NewDefaultKubectlCommand())
}
