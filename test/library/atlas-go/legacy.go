package main

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"go.mongodb.org/atlas/mongodbatlas"
)

const (
	legacyPath = "/api/atlas/v1.0/"
	path       = "/api/atlas/v2/"
	mediaType  = "application/vnd.atlas.2023-01-01+json"
)

// versioned carries the requests of the client of the generation before over to the versioned API: another path and
// another media type are all that tell the two apart for these operations.
type versioned struct {
	next http.RoundTripper
}

func (v versioned) RoundTrip(request *http.Request) (*http.Response, error) {
	changed := request.Clone(request.Context())
	changed.URL.Path = strings.Replace(changed.URL.Path, legacyPath, path, 1)
	changed.URL.RawPath = strings.Replace(changed.URL.RawPath, legacyPath, path, 1)
	changed.Header.Set("Accept", mediaType)
	if changed.Header.Get("Content-Type") != "" {
		changed.Header.Set("Content-Type", mediaType)
	}
	return v.next.RoundTrip(changed)
}

func legacyClient(authenticated *http.Client, to settings) (*mongodbatlas.Client, error) {
	return mongodbatlas.New(
		&http.Client{Transport: versioned{next: authenticated.Transport}},
		mongodbatlas.SetBaseURL(to.baseURL+"/"),
	)
}

// useLegacyClient goes through all operations with go.mongodb.org/atlas.
func useLegacyClient(ctx context.Context, authenticated *http.Client, to settings) (outcome, error) {
	var got outcome
	client, err := legacyClient(authenticated, to)
	if err != nil {
		return got, err
	}
	api := client.X509AuthDBUsers

	before, _, err := api.GetCurrentX509Conf(ctx, to.projectID)
	if err != nil {
		return got, err
	}
	if _, err = api.DisableCustomerX509(ctx, to.projectID); err != nil {
		return got, err
	}
	after, _, err := api.GetCurrentX509Conf(ctx, to.projectID)
	if err != nil {
		return got, err
	}
	got.CustomerX509 = [2]bool{before.Cas != "", after.Cas != ""}

	certificate, _, err := api.CreateUserCertificate(ctx, to.projectID, to.username, 3)
	if err != nil {
		return got, err
	}
	if got.Created, err = serialOf(certificate.Certificate); err != nil {
		return got, err
	}
	listed, _, err := api.GetUserCertificates(ctx, to.projectID, to.username, &mongodbatlas.ListOptions{ItemsPerPage: 100})
	if err != nil {
		return got, err
	}
	for _, one := range listed {
		got.Listed = append(got.Listed, strconv.FormatInt(*one.ID, 10))
		got.Subject = one.Subject
	}

	_, _, err = api.GetUserCertificates(ctx, to.projectID, "nobody", nil)
	got.UnknownUser = legacyErrorCode(err)
	_, _, err = api.CreateUserCertificate(ctx, to.projectID, to.username, 25)
	got.BadMonths = legacyErrorCode(err)
	return got, nil
}

func legacyErrorCode(err error) string {
	var answer *mongodbatlas.ErrorResponse
	if errors.As(err, &answer) {
		return answer.ErrorCode
	}
	return "no error of Atlas"
}
