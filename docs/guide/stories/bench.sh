#!/bin/sh
# What bench.md needs for each of the 34 recordings of SKAB.
#
#   bench.sh lines FOLDER   the recordings as line protocol, one row a second
#   bench.sh models         a CREATE MODEL a line
#   bench.sh judge          the query that scores all of them
set -eu

sensors='accelerometer1 accelerometer2 current pressure temperature thermocouple voltage flow'
count=34

lines() {
    number=0
    for file in $(find "$1/valve1" "$1/valve2" "$1/other" -name '*.csv*' | LC_ALL=C sort); do
        case $file in
        *.zst) zstd -dcq "$file" ;;
        *) cat "$file" ;;
        esac | awk -F ';' -v file="$number" -v names="$sensors" '
            BEGIN { split(names, name, " ") }
            NR > 1 {
                line = "bench,file=" file " row=" NR - 1 "i"
                for (i = 1; i <= 8; i++) line = line "," name[i] "=" $(i + 1)
                print line ",anomaly=" ($10 > 0 ? "true" : "false") " " NR - 1
            }'
        number=$((number + 1))
    done
}

# Mean and deviation of the last 30 rows of each sensor.
looks() {
    for sensor in $sensors; do
        printf ', avg(%s) OVER w AS %s_mean, stddev_pop(%s) OVER w AS %s_spread' "$sensor" "$sensor" "$sensor" "$sensor"
    done
}

features() {
    separator=''
    for sensor in $sensors; do
        printf '%s%s_mean, %s_spread' "$separator" "$sensor" "$sensor"
        separator=', '
    done
}

models() {
    number=0
    while [ "$number" -lt "$count" ]; do
        printf "CREATE OR REPLACE MODEL bench_%s USING pca WITH (components = 0.95, scale = 'standard') AS " "$number"
        printf "SELECT %s FROM (SELECT file%s FROM bench WHERE file = '%s' AND row <= 400 " "$(features)" "$(looks)" "$number"
        printf 'WINDOW w AS (PARTITION BY file ORDER BY row ROWS 29 PRECEDING))\n'
        number=$((number + 1))
    done
}

judge() {
    printf 'WITH looks AS (SELECT file, row, anomaly%s FROM bench WINDOW w AS (PARTITION BY file ORDER BY row ROWS 29 PRECEDING)), scored AS (' "$(looks)"
    number=0
    while [ "$number" -lt "$count" ]; do
        [ "$number" -eq 0 ] || printf ' UNION ALL '
        printf "SELECT file, row, anomaly, sqrt(model_output('bench_%s', 't2')) AS distance FROM looks WHERE file = '%s'" "$number" "$number"
        number=$((number + 1))
    done
    printf '), judged AS (SELECT row, anomaly, distance > 0.82 * max(CASE WHEN row <= 400 THEN distance END) OVER (PARTITION BY file) AS alarm FROM scored) '
    printf 'SELECT count(*) AS rows, count(*) FILTER (WHERE anomaly) AS anomalous, round(f1(anomaly, alarm), 3) AS f1, '
    printf 'round(100.0 * count(*) FILTER (WHERE alarm AND NOT anomaly) / count(*) FILTER (WHERE NOT anomaly), 1) AS percent_false_alarms, '
    printf 'round(100 * (1 - recall(anomaly, alarm)), 1) AS percent_missed FROM judged WHERE row > 400\n'
}

"$@"
