package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"strings"
	"time"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// user is a person that the API server knows, by a token or by a client certificate.
type user struct {
	group         string
	byCertificate bool
}

// users of the test cluster. What their groups may do is set in furnish.go.
var users = map[string]user{
	"admin":     {group: "system:masters"},
	"reader":    {group: "lockstep-test:readers"},
	"nobody":    {group: "lockstep-test:nobodies"},
	"certified": {group: "lockstep-test:readers", byCertificate: true},
}

// introduceUsers makes what each user logs in with, and writes what the API server knows them by.
func (l *layout) introduceUsers() error {
	authority, err := newClientAuthority()
	if err != nil {
		return err
	}
	var tokens strings.Builder
	for name, user := range users {
		if user.byCertificate {
			l.logins[name], err = authority.login(name, user.group)
		} else {
			l.logins[name], err = tokenLogin()
			fmt.Fprintf(&tokens, "%s,%s,%s,%q\n", l.logins[name].Token, name, name, user.group)
		}
		if err != nil {
			return err
		}
	}
	if err := os.WriteFile(l.path("tokens.csv"), []byte(tokens.String()), 0o600); err != nil {
		return err
	}
	return os.WriteFile(l.path("certs/clients.crt"), authority.pem, 0o600)
}

func tokenLogin() (*clientcmdapi.AuthInfo, error) {
	token := make([]byte, 16)
	_, err := rand.Read(token)
	return &clientcmdapi.AuthInfo{Token: hex.EncodeToString(token)}, err
}

// clientAuthority signs the certificates of users.
type clientAuthority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

func newClientAuthority() (*clientAuthority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := certificateOf(pkix.Name{CommonName: "lockstep-test-clients"})
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &clientAuthority{certificate: template, key: key, pem: pemOf("CERTIFICATE", der)}, nil
}

// login signs a certificate from which the API server reads the name and the group of a user.
func (a *clientAuthority) login(name, group string) (*clientcmdapi.AuthInfo, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := certificateOf(pkix.Name{CommonName: name, Organization: []string{group}})
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	keyDer, err := x509.MarshalECPrivateKey(key)
	return &clientcmdapi.AuthInfo{
		ClientCertificateData: pemOf("CERTIFICATE", der), ClientKeyData: pemOf("EC PRIVATE KEY", keyDer),
	}, err
}

func certificateOf(subject pkix.Name) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: subject,
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
	}
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
