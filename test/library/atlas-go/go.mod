// MongoDB's own Go code that talks to Atlas, as far as it is published: its client for the Administration API of the
// generation before the versioned one, and what its client of today proves with who is calling.
module atlas-cert-operator/test/library/atlas-go

go 1.24

require (
	github.com/mongodb-forks/digest v1.1.0
	go.mongodb.org/atlas v0.38.0
	golang.org/x/oauth2 v0.30.0
)

require github.com/google/go-querystring v1.1.0 // indirect
