package main

import (
	"crypto/tls"
	"crypto/x509"
)

// serialOf gives the serial number of the certificate in a PEM that Atlas created, when its key belongs to it.
func serialOf(pem string) (string, error) {
	pair, err := tls.X509KeyPair([]byte(pem), []byte(pem))
	if err != nil {
		return "", err
	}
	certificate, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return "", err
	}
	return certificate.SerialNumber.String(), nil
}
