package main

import "fmt"

// etcdFlags run etcd without fsync: a test cluster's data need not survive a power cut.
func (l *layout) etcdFlags() []string {
	client := fmt.Sprintf("http://127.0.0.1:%d", l.ports["etcd"])
	peer := fmt.Sprintf("http://127.0.0.1:%d", l.ports["peer"])
	return []string{
		"--data-dir=" + l.path("etcd"), "--unsafe-no-fsync", "--log-level=warn",
		"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=default=" + peer, "--quota-backend-bytes=8589934592",
	}
}

func (l *layout) apiserverFlags() []string {
	return []string{
		fmt.Sprintf("--etcd-servers=http://127.0.0.1:%d", l.ports["etcd"]),
		fmt.Sprintf("--secure-port=%d", l.ports["apiserver"]),
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none",
		"--cert-dir=" + l.path("certs"), "--token-auth-file=" + l.path("tokens.csv"),
		"--client-ca-file=" + l.path("certs/clients.crt"),
		"--authorization-mode=RBAC", "--service-cluster-ip-range=10.96.0.0/16",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + l.path("service-accounts.key"),
		"--service-account-signing-key-file=" + l.path("service-accounts.key"),
		"--audit-log-path=" + l.path("audit.log"), "--audit-log-maxsize=8192", "--audit-policy-file=" + l.path("audit-policy.yaml"),
		"--kubelet-preferred-address-types=InternalIP", "--allow-privileged",
		"--max-requests-inflight=2000", "--max-mutating-requests-inflight=1000",
	}
}

// flagsOf answers the flags of the parts that are clients of the API server. Their request limits are far above
// the defaults: with those, 500 empty Deployments take 98 s to become Available.
func (l *layout) flagsOf(part string) []string {
	kubeconfig := "--kubeconfig=" + l.kubeconfig("admin")
	fast := []string{kubeconfig, "--kube-api-qps=1000", "--kube-api-burst=2000", "--leader-elect=false"}
	switch part {
	case "controllers":
		return append(fast,
			"--secure-port=0", "--cluster-name=test", "--controllers=*,-certificatesigningrequest-signing-controller",
			"--service-account-private-key-file="+l.path("service-accounts.key"),
			"--root-ca-file="+l.path("certs/apiserver.crt"), "--cluster-signing-duration=1h",
			"--concurrent-deployment-syncs=20", "--concurrent-replicaset-syncs=20", "--concurrent-statefulset-syncs=20",
			"--concurrent-job-syncs=20", "--concurrent-namespace-syncs=20", "--concurrent-gc-syncs=20")
	case "scheduler":
		return append(fast, "--secure-port=0")
	default:
		return []string{
			kubeconfig, "--config=" + l.path("stages.yaml"), "--manage-all-nodes", "--node-lease-duration-seconds=40",
			"--node-ip=127.0.0.1", fmt.Sprintf("--node-port=%d", l.ports["kubelet"]),
			fmt.Sprintf("--server-address=127.0.0.1:%d", l.ports["kubelet"]),
			"--tls-cert-file=" + l.path("certs/apiserver.crt"), "--tls-private-key-file=" + l.path("certs/apiserver.key"),
		}
	}
}
