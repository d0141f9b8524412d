module aiges/tests/tools/prometheus

go 1.19

require github.com/prometheus/prometheus v0.45.3
