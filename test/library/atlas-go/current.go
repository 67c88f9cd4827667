package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"
)

// The requests that MongoDB's Go SDK of today sends, and what it reads from the answers: path parameters through
// url.PathEscape, all defaults spelled out in the query, the body with a line break behind it, times and serial numbers
// as Go types, a certificate as the text of the body. An answer of a media type that is no JSON is none.

const userAgent = "atlas-sdk-go"

// jsonType is how that SDK tells JSON from what it can't read.
var jsonType = regexp.MustCompile(`(?i:(?:application|text)/(?:vnd\.[^;]+\+)?json)`)

type userSecurity struct {
	CustomerX509 *struct {
		Cas *string `json:"cas"`
	} `json:"customerX509"`
}

type certificatePage struct {
	Links []struct {
		Href string `json:"href"`
		Rel  string `json:"rel"`
	} `json:"links"`
	Results []struct {
		ID        int64     `json:"_id"`
		CreatedAt time.Time `json:"createdAt"`
		GroupID   string    `json:"groupId"`
		NotAfter  time.Time `json:"notAfter"`
		Subject   string    `json:"subject"`
	} `json:"results"`
	TotalCount int `json:"totalCount"`
}

type apiError struct {
	ErrorCode  string `json:"errorCode"`
	Detail     string `json:"detail"`
	Status     int    `json:"error"`
	Reason     string `json:"reason"`
	Parameters []any  `json:"parameters"`
	// BadRequestDetail is there when a field was refused.
	BadRequestDetail *struct {
		Fields []struct {
			Field       string `json:"field"`
			Description string `json:"description"`
		} `json:"fields"`
	} `json:"badRequestDetail"`
}

func (e *apiError) Error() string {
	return fmt.Sprintf("%d %s: %s", e.Status, e.ErrorCode, e.Detail)
}

type caller struct {
	client *http.Client
	to     settings
}

func (c caller) certificates(username string) string {
	return "/api/atlas/v2/groups/" + url.PathEscape(c.to.projectID) + "/databaseUsers/" + url.PathEscape(username) + "/certs"
}

func (c caller) call(ctx context.Context, method, path string, query url.Values, body any) ([]byte, error) {
	var sent io.Reader = http.NoBody
	if body != nil {
		buffer := &bytes.Buffer{}
		if err := json.NewEncoder(buffer).Encode(body); err != nil {
			return nil, err
		}
		sent = buffer
	}
	target := c.to.baseURL + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, method, target, sent)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", mediaType)
	request.Header.Set("User-Agent", userAgent)
	if body != nil {
		request.Header.Set("Content-Type", mediaType)
	}
	answer, err := c.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if contentType := answer.Header.Get("Content-Type"); !jsonType.MatchString(contentType) {
		return nil, fmt.Errorf("status %d with an undefined response type %q", answer.StatusCode, contentType)
	}
	if answer.StatusCode >= http.StatusMultipleChoices {
		problem := &apiError{}
		if err := json.Unmarshal(text, problem); err != nil {
			return nil, fmt.Errorf("status %d without an error of Atlas: %w", answer.StatusCode, err)
		}
		return nil, problem
	}
	return text, nil
}

func (c caller) customerX509(ctx context.Context, method, path string) (bool, error) {
	text, err := c.call(ctx, method, "/api/atlas/v2/groups/"+url.PathEscape(c.to.projectID)+path, nil, nil)
	if err != nil {
		return false, err
	}
	var settings userSecurity
	if err := json.Unmarshal(text, &settings); err != nil {
		return false, err
	}
	return settings.CustomerX509 != nil && settings.CustomerX509.Cas != nil, nil
}

// useCurrentRequests goes through all operations with the requests of the SDK of today.
func useCurrentRequests(ctx context.Context, authenticated *http.Client, to settings) (outcome, error) {
	var got outcome
	var err error
	c := caller{client: authenticated, to: to}
	if got.CustomerX509[0], err = c.customerX509(ctx, http.MethodGet, "/userSecurity"); err != nil {
		return got, err
	}
	if got.CustomerX509[1], err = c.customerX509(ctx, http.MethodDelete, "/userSecurity/customerX509"); err != nil {
		return got, err
	}

	type userCert struct {
		MonthsUntilExpiration int `json:"monthsUntilExpiration,omitempty"`
	}
	pem, err := c.call(ctx, http.MethodPost, c.certificates(to.username), nil, userCert{MonthsUntilExpiration: 3})
	if err != nil {
		return got, err
	}
	if got.Created, err = serialOf(string(pem)); err != nil {
		return got, err
	}

	query := url.Values{"includeCount": {"true"}, "itemsPerPage": {"100"}, "pageNum": {"1"}}
	text, err := c.call(ctx, http.MethodGet, c.certificates(to.username), query, nil)
	if err != nil {
		return got, err
	}
	var page certificatePage
	if err = json.Unmarshal(text, &page); err != nil {
		return got, err
	}
	if page.TotalCount != len(page.Results) || len(page.Links) == 0 {
		return got, fmt.Errorf("%d of %d certificates and %d links", len(page.Results), page.TotalCount, len(page.Links))
	}
	for _, one := range page.Results {
		if one.GroupID != to.projectID || !one.NotAfter.After(one.CreatedAt) {
			return got, fmt.Errorf("an odd certificate: %+v", one)
		}
		got.Listed = append(got.Listed, strconv.FormatInt(one.ID, 10))
		got.Subject = one.Subject
	}

	_, err = c.call(ctx, http.MethodGet, c.certificates("nobody"), query, nil)
	got.UnknownUser = errorCode(err)
	_, err = c.call(ctx, http.MethodPost, c.certificates(to.username), nil, userCert{MonthsUntilExpiration: 25})
	got.BadMonths = errorCode(err)
	if problem, ok := err.(*apiError); ok {
		refused := problem.BadRequestDetail
		if refused == nil || len(refused.Fields) != 1 || refused.Fields[0].Field != "monthsUntilExpiration" {
			return got, fmt.Errorf("a refused field that is not named: %+v", problem)
		}
	}
	return got, nil
}

func errorCode(err error) string {
	if answer, ok := err.(*apiError); ok {
		return answer.ErrorCode
	}
	return fmt.Sprintf("no error of Atlas: %v", err)
}
