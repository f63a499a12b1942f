module pingway.dev/tests/cluster/client

go 1.26.0
