package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// ready is the one line that `up` prints on stdout when the control plane can be used.
type ready struct {
	Server     string            `json:"server"`
	Kubeconfig string            `json:"kubeconfig"`
	Users      map[string]string `json:"users"`
	AuditLog   string            `json:"auditLog"`
	Seconds    float64           `json:"seconds"`
}

// runUp starts the control plane in a folder, prints one JSON line when it is ready, and stops everything when it
// is signalled or, with --leash, when its standard input ends, which is what happens when its parent dies.
func runUp() int {
	flags := flag.NewFlagSet("up", flag.ExitOnError)
	dir := flags.String("dir", "", "folder for data, logs, kubeconfigs and the audit log (required)")
	port := flags.Int("port", 0, "port of the API server (0: a free one)")
	nodes := flags.Int("nodes", 2, "number of simulated nodes")
	leash := flags.Bool("leash", false, "stop when standard input ends")
	_ = flags.Parse(os.Args[1:])
	if *dir == "" {
		fmt.Fprintln(os.Stderr, "up: --dir is required")
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if *leash {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			stop()
		}()
	}
	if err := up(ctx, *dir, *port, *nodes); err != nil {
		fmt.Fprintln(os.Stderr, "up:", err)
		return 1
	}
	return 0
}

func up(ctx context.Context, dir string, port, nodes int) error {
	start := time.Now()
	files, err := prepare(dir, port)
	if err != nil {
		return err
	}
	family := newChildren(files.path("logs"))
	defer family.stop()
	if err := family.start("etcd", files.etcdFlags()); err != nil {
		return err
	}
	if err := family.start("apiserver", files.apiserverFlags()); err != nil {
		return err
	}
	client, err := waitReady(ctx, files, family)
	if err != nil {
		return err
	}
	for _, part := range []string{"controllers", "scheduler", "kubelets"} {
		if err := family.start(part, files.flagsOf(part)); err != nil {
			return err
		}
	}
	if err := furnish(ctx, client, nodes); err != nil {
		return err
	}
	go watchReferences(ctx, client)
	line, err := json.Marshal(ready{
		Server: files.server(), Kubeconfig: files.kubeconfig("admin"), Users: files.kubeconfigs(),
		AuditLog: files.path("audit.log"), Seconds: time.Since(start).Seconds(),
	})
	if err != nil {
		return err
	}
	fmt.Println(string(line))
	select {
	case <-ctx.Done():
		return nil
	case name := <-family.ended:
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("%s ended by itself, see %s", name, filepath.Join(files.path("logs"), name+".log"))
	}
}

// waitReady answers a client once the API server says that it is ready.
func waitReady(ctx context.Context, files *layout, family *children) (*kubernetes.Clientset, error) {
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("the API server was not ready in time, see %s", files.path("logs"))
		case name := <-family.ended:
			return nil, fmt.Errorf("%s ended by itself, see %s", name, files.path("logs"))
		case <-time.After(30 * time.Millisecond):
		}
		if err := files.writeKubeconfigs(); err != nil {
			continue // the API server has not made its certificate yet
		}
		config, err := clientcmd.BuildConfigFromFlags("", files.kubeconfig("admin"))
		if err != nil {
			return nil, err
		}
		config.QPS, config.Burst = 1000, 2000
		client, err := kubernetes.NewForConfig(config)
		if err != nil {
			return nil, err
		}
		if _, err := client.RESTClient().Get().AbsPath("/readyz").DoRaw(ctx); err == nil {
			return client, nil
		}
	}
}
