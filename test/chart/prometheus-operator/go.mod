// The definition of the monitoring kinds that the chart is judged by, pinned. Not `go mod tidy`: nothing imports this module.
module atlas-cert-operator/test/chart/prometheus-operator

go 1.26.0

require github.com/prometheus-operator/prometheus-operator v0.85.0
