package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	_ "embed"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

//go:embed audit-policy.yaml
var auditPolicy []byte

//go:embed stages.yaml
var stages string

// layout is the folder of one control plane: its files, ports and the logins of its users.
type layout struct {
	dir    string
	ports  map[string]int
	logins map[string]*clientcmdapi.AuthInfo
}

func prepare(dir string, port int) (*layout, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	l := &layout{dir: dir, ports: map[string]int{}, logins: map[string]*clientcmdapi.AuthInfo{}}
	for _, folder := range []string{"logs", "certs", "etcd"} {
		if err := os.MkdirAll(l.path(folder), 0o700); err != nil {
			return nil, err
		}
	}
	if err := l.choosePorts(port); err != nil {
		return nil, err
	}
	return l, l.writeFiles()
}

func (l *layout) path(name string) string       { return filepath.Join(l.dir, name) }
func (l *layout) server() string                { return fmt.Sprintf("https://127.0.0.1:%d", l.ports["apiserver"]) }
func (l *layout) kubeconfig(user string) string { return l.path(user + ".kubeconfig") }

func (l *layout) kubeconfigs() map[string]string {
	paths := map[string]string{}
	for user := range users {
		paths[user] = l.kubeconfig(user)
	}
	return paths
}

// choosePorts holds all listeners open until every port is chosen, so that no port is chosen twice.
func (l *layout) choosePorts(fixed int) error {
	for _, name := range []string{"apiserver", "etcd", "peer", "kubelet"} {
		wanted := 0
		if name == "apiserver" {
			wanted = fixed
		}
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", wanted))
		if err != nil {
			return fmt.Errorf("port for %s: %w", name, err)
		}
		defer listener.Close()
		l.ports[name] = listener.Addr().(*net.TCPAddr).Port
	}
	return nil
}

func (l *layout) writeFiles() error {
	if err := l.introduceUsers(); err != nil {
		return err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	pemKey := pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
	config := strings.ReplaceAll(stages, "LOG_FILE", l.path("container.log"))
	files := map[string][]byte{
		"audit-policy.yaml": auditPolicy, "service-accounts.key": pemKey,
		"stages.yaml": []byte(config), "container.log": []byte(containerLog),
	}
	for name, content := range files {
		if err := os.WriteFile(l.path(name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// containerLog is what every simulated container has said, in the CRI format that kubelets keep.
const containerLog = "2026-01-01T00:00:00.000000000Z stdout F starting\n2026-01-01T00:00:01.000000000Z stdout F listening on :5000\n"

// writeKubeconfigs fails until the API server has written the certificate that the files pin.
func (l *layout) writeKubeconfigs() error {
	authority, err := os.ReadFile(l.path("certs/apiserver.crt"))
	if err != nil {
		return err
	}
	for user := range users {
		config := clientcmdapi.NewConfig()
		config.Clusters["test"] = &clientcmdapi.Cluster{Server: l.server(), CertificateAuthorityData: authority}
		config.AuthInfos[user] = l.logins[user]
		config.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: user, Namespace: "default"}
		config.CurrentContext = "test"
		if err := clientcmd.WriteToFile(*config, l.kubeconfig(user)); err != nil {
			return err
		}
	}
	return nil
}
