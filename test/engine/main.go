// Command reference is the real `kustomize` and the real `helm`, in one binary: its first argument says which. The engine is
// compared with what they print.
package main

import (
	"fmt"
	"os"

	helm "helm.sh/helm/v4/pkg/cmd"
	kustomize "sigs.k8s.io/kustomize/kustomize/v5/commands"
)

func main() {
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(name string, args []string) error {
	if name == "helm" {
		command, err := helm.NewRootCmd(os.Stdout, args, helm.SetupLogging)
		if err != nil {
			return err
		}
		command.SetArgs(args)
		return command.Execute()
	}
	command := kustomize.NewDefaultCommand()
	command.SetArgs(args)
	return command.Execute()
}
