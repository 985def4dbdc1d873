#!/usr/bin/env bash
# Makes this gallery anew: sweeps the four definitions, and takes pictures of their reports in Chromium.
#
#     reports/gallery/make.sh [DATA]      DATA: the folder with the public data sets, default ../shared/data
#
# Needs `cargo build --release`, Chromium, node, and `npm ci --prefix tests/browser`.
set -euo pipefail
cd "$(dirname "$0")/../.."
data=${1:-../shared/data}
out=target/gallery
rm -rf "$out"
sweep() { # NAME [FILE]
  target/release/musicrec-lab sweep "experiments/$1.toml" --out "$out" --fresh --quiet ${2:+--set "source.csv.path=$data/$2"}
  cp "$out/$1/report.html" "reports/gallery/$1.html"
}
sweep quickstart
sweep messy_sample music_interactions_messy.csv
sweep lastfm lastfm_2k/plays.tsv
sweep movielens_100k movielens_100k/ratings.tsv
shoot() { node tests/browser/screenshots.mjs "reports/gallery/$1.html" "$out/pictures" --name "$1" "${@:2}"; }
shoot quickstart --section dots --section hyperparameters --section examples
shoot messy_sample --section dots --section data
shoot lastfm
shoot movielens_100k
cd "$out/pictures"
cp quickstart-{light,dark,narrow,dots,hyperparameters,examples}.png messy_sample-{light,dots,data}.png lastfm-light.png \
  movielens_100k-light.png ../../../reports/gallery/
