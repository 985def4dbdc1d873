#!/usr/bin/env bash
# Compiles the LaTeX tables of a report folder and draws the pages, for the eye of whoever changes
# src/report/latex. No test needs TeX: src/report/latex/tests.rs looks at the text.
#
#   apt-get install texlive-latex-recommended texlive-luatex lmodern poppler-utils
#   tests/latex/compile.sh reports/quickstart /tmp/paper [pdflatex|lualatex]
#
# Ends with an error if TeX does, or if anything does not fit its line.
set -euo pipefail
report=$(realpath "$1") paper=$2 engine=${3:-pdflatex}
lab=$(dirname "$0")/../../target/debug/musicrec-lab
"$lab" report "$report" --format latex --output "$paper/"
cd "$paper"
{
  echo '\documentclass{article}'
  echo '\usepackage{booktabs,graphicx,lmodern}'
  if [ "$engine" = pdflatex ]; then echo '\usepackage[T1]{fontenc}'; fi
  echo '\begin{document}Tables of a report.\input{leaderboard.tex}\input{comparisons.tex}\end{document}'
} > paper.tex
"$engine" -interaction=nonstopmode -halt-on-error paper.tex > paper.out || { tail -n 20 paper.out; exit 1; }
if grep -E '^Overfull|Missing character' paper.out; then exit 1; fi
pdftoppm -r 80 -png paper.pdf page
ls "$PWD"/page*
