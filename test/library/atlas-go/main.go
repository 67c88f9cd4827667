// Program atlas-go uses an Atlas the way MongoDB's own Go clients do, and prints what it got as one line of JSON.
//
//	atlas-go BASE_URL PROJECT_ID USERNAME digest|oauth LOGIN SECRET
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	"github.com/mongodb-forks/digest"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// settings say where Atlas is and who calls.
type settings struct {
	baseURL, projectID, username string
}

// report is what the program prints.
type report struct {
	Legacy  outcome `json:"legacy"`
	Current outcome `json:"current"`
	Users   users   `json:"users"`
}

// outcome is what one client got.
type outcome struct {
	// Created is the serial number of the certificate that came with its key.
	Created string `json:"created"`
	// Listed are the serial numbers of the unexpired certificates.
	Listed []string `json:"listed"`
	// Subject is that of the newest certificate in the list.
	Subject string `json:"subject"`
	// CustomerX509 tells whether customer-managed X.509 was on before and after it was switched off.
	CustomerX509 [2]bool `json:"customerX509"`
	// UnknownUser is the error code for a user that nobody has.
	UnknownUser string `json:"unknownUser"`
	// BadMonths is the error code for a lifetime that is not allowed.
	BadMonths string `json:"badMonths"`
}

func main() {
	if len(os.Args) != 7 {
		fail(fmt.Errorf("want BASE_URL PROJECT_ID USERNAME digest|oauth LOGIN SECRET"))
	}
	to := settings{baseURL: os.Args[1], projectID: os.Args[2], username: os.Args[3]}
	client, err := authenticated(to.baseURL, os.Args[4], os.Args[5], os.Args[6])
	if err != nil {
		fail(err)
	}
	ctx := context.Background()
	var result report
	if result.Legacy, err = useLegacyClient(ctx, client, to); err != nil {
		fail(fmt.Errorf("the client of the generation before: %w", err))
	}
	if result.Current, err = useCurrentRequests(ctx, client, to); err != nil {
		fail(fmt.Errorf("the requests of today's client: %w", err))
	}
	if result.Users, err = useUsers(ctx, client, to); err != nil {
		fail(fmt.Errorf("the calls around certificates: %w", err))
	}
	if err = json.NewEncoder(os.Stdout).Encode(result); err != nil {
		fail(err)
	}
}

// authenticated gives the HTTP client that MongoDB's Go SDK builds for a kind of credentials.
func authenticated(baseURL, kind, login, secret string) (*http.Client, error) {
	switch kind {
	case "digest":
		return digest.NewTransport(login, secret).Client()
	case "oauth":
		config := clientcredentials.Config{
			ClientID:     login,
			ClientSecret: secret,
			TokenURL:     baseURL + "/api/oauth/token",
			AuthStyle:    oauth2.AuthStyleInHeader,
		}
		return config.Client(context.Background()), nil
	default:
		return nil, fmt.Errorf("unknown kind of credentials %q", kind)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
