module kit

go 1.25.0
