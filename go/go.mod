module github.com/dkv20/dkv20/go

go 1.24
