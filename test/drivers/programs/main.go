// Answers the commands of a test; see ../driver-program.ts.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"
)

var client *mongo.Client

func connect() (*mongo.Client, error) {
	if os.Args[1] == "plain" {
		return Connect(os.Getenv("MONGODB_URI"))
	}
	return ConnectReloading(os.Getenv("MONGODB_URI"), os.Getenv("MONGODB_CERTIFICATE"))
}

func ping() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if client == nil {
		made, err := connect()
		if err != nil {
			return "", err
		}
		client = made
	}
	return "pong", client.Database("admin").RunCommand(ctx, map[string]int{"ping": 1}).Err()
}

func parse(uri string) (string, error) {
	// No DNS: the test has no SRV records.
	parsed, err := connstring.ParseAndValidate(strings.Replace(uri, "mongodb+srv://", "mongodb://", 1))
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]any{
		"hosts":     parsed.Hosts,
		"database":  parsed.Database,
		"mechanism": parsed.AuthMechanism,
		"source":    parsed.AuthSource,
		"tls":       fmt.Sprint(parsed.SSL),
		"file":      parsed.SSLClientCertificateKeyFile,
		"appName":   parsed.AppName,
	})
	return string(text), err
}

func answer(line string) string {
	work := ping
	if uri, found := strings.CutPrefix(line, "parse "); found {
		work = func() (string, error) { return parse(uri) }
	}
	text, err := work()
	if err != nil {
		return "failed: " + strings.Join(strings.Fields(err.Error()), " ")
	}
	return text
}

func main() {
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Println(answer(lines.Text()))
	}
}
