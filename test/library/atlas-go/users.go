package main

import (
	"context"
	"fmt"
	"net/http"

	"go.mongodb.org/atlas/mongodbatlas"
)

const externalDatabase = "$external"

// users is what the client of the generation before got from the calls around certificates.
type users struct {
	// X509Types are those of a user that was created, as create and get tell them.
	X509Types []string `json:"x509Types"`
	// Listed tells whether the list of users names it.
	Listed bool `json:"listed"`
	// SelfManaged is the error code of a certificate for a user with certificates of its own.
	SelfManaged string `json:"selfManaged"`
	// CustomerX509 is the error code of a certificate after customer-managed X.509 was switched on.
	CustomerX509 string `json:"customerX509"`
	// Anew is how many certificates a user has after it was deleted and created anew.
	Anew int `json:"anew"`
	// Deleted is the error code for a user that was deleted.
	Deleted string `json:"deleted"`
}

// useUsers creates and deletes users with go.mongodb.org/atlas, as MongoDB's command line and Terraform provider do.
func useUsers(ctx context.Context, authenticated *http.Client, to settings) (users, error) {
	var got users
	client, err := legacyClient(authenticated, to)
	if err != nil {
		return got, err
	}
	const name = "made by a client"
	wanted := mongodbatlas.DatabaseUser{
		DatabaseName: externalDatabase,
		GroupID:      to.projectID,
		Username:     name,
		X509Type:     "MANAGED",
		Roles:        []mongodbatlas.Role{{DatabaseName: "admin", RoleName: "atlasAdmin"}},
	}
	create := func(x509Type string) (*mongodbatlas.DatabaseUser, error) {
		user := wanted
		user.X509Type = x509Type
		created, _, err := client.DatabaseUsers.Create(ctx, to.projectID, &user)
		return created, err
	}
	remove := func() error {
		_, err := client.DatabaseUsers.Delete(ctx, externalDatabase, to.projectID, name)
		return err
	}

	created, err := create("MANAGED")
	if err != nil {
		return got, err
	}
	read, _, err := client.DatabaseUsers.Get(ctx, externalDatabase, to.projectID, name)
	if err != nil {
		return got, err
	}
	got.X509Types = []string{created.X509Type, read.X509Type}
	listed, _, err := client.DatabaseUsers.List(ctx, to.projectID, &mongodbatlas.ListOptions{ItemsPerPage: 100})
	if err != nil {
		return got, err
	}
	for _, one := range listed {
		got.Listed = got.Listed || one.Username == name
	}

	certificates := client.X509AuthDBUsers
	if _, _, err = certificates.CreateUserCertificate(ctx, to.projectID, name, 3); err != nil {
		return got, err
	}
	if err = remove(); err != nil {
		return got, err
	}
	if _, err = create("CUSTOMER"); err != nil {
		return got, err
	}
	_, _, err = certificates.CreateUserCertificate(ctx, to.projectID, name, 3)
	got.SelfManaged = legacyErrorCode(err)
	if err = remove(); err != nil {
		return got, err
	}
	if _, err = create("MANAGED"); err != nil {
		return got, err
	}
	left, _, err := certificates.GetUserCertificates(ctx, to.projectID, name, nil)
	if err != nil {
		return got, err
	}
	got.Anew = len(left)

	const authority = "-----BEGIN CERTIFICATE-----\n"
	saved, _, err := certificates.SaveConfiguration(ctx, to.projectID, &mongodbatlas.CustomerX509{Cas: authority})
	if err != nil {
		return got, err
	}
	if saved.Cas != authority {
		return got, fmt.Errorf("another authority than the one that was given: %q", saved.Cas)
	}
	_, _, err = certificates.CreateUserCertificate(ctx, to.projectID, name, 3)
	got.CustomerX509 = legacyErrorCode(err)
	if err = remove(); err != nil {
		return got, err
	}
	_, _, err = client.DatabaseUsers.Get(ctx, externalDatabase, to.projectID, name)
	got.Deleted = legacyErrorCode(err)
	return got, nil
}
