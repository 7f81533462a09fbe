# SPDX-License-Identifier: GPL-2.0-or-later
#
# Plots of make bench: bench/report writes the .dat files and runs this where they are. A dot is the median of the boots,
# and the line through it goes from the least to the most. Dots, because a bar's length means nothing on a logarithmic
# axis; white behind them, because a page may be dark.

set terminal svg size 900,420 noenhanced font 'sans-serif,13' background 'white'

ours = "#1b6ca8"; peer = "#d1603d"; virtio = "#8a8a8a"; bare = "#3f8f63"

set border 1
set tics nomirror
set grid xtics lc rgb "#dddddd"
set ytics scale 0
set style data points
set pointsize 1.1

# Of row i, counted from the top of a plot; columns c, c+1, c+2 are median, least and most
row(i, shift) = -i + shift
set macros
DOTS = 'using (column(c)):(row($0, shift)):(column(c+1)):(column(c+2)):ytic(1) with xerrorbars pt 7 lw 1.5'

set terminal svg size 900,640 noenhanced font 'sans-serif,13' background 'white'
set output "unmap.svg"
set multiplot layout 2,1
set lmargin 24
set rmargin 4
set tmargin 4
set xrange [0:*]
set yrange [-5.6:0.6]
set key at graph 1, graph 1.06 right bottom horizontal samplen 1 width 1
set xlabel "microseconds an unmap"
set label 1 "dma_unmap" at graph 0, graph 1.12 left
set xtics autofreq
plot c=2, shift=0, "unmap.dat" @DOTS lc rgb bare title "bare host", \
     c=5, "" @DOTS lc rgb ours title "ours", \
     c=8, "" @DOTS lc rgb peer title "peer, accel=on", \
     c=11, "" @DOTS lc rgb virtio title "peer, virtio-iommu"
set label 1 "dma_unmap, ril=off in both guests"
plot c=2, shift=0, "noril.dat" @DOTS lc rgb ours title "ours", \
     c=5, "" @DOTS lc rgb peer title "peer, accel=on"
unset multiplot

set terminal svg size 900,250 noenhanced font 'sans-serif,13' background 'white'
set output "reads.svg"
set lmargin 28
set rmargin 4
set tmargin 5
set key at graph 1, graph 1.12 right bottom horizontal samplen 1 width 1
set xlabel "reads a second"
set label 1 "NVMe reads (fio)" at graph 0, graph 1.2 left
set yrange [-1.6:0.6]
plot c=2, shift=0, "reads.dat" @DOTS lc rgb bare title "bare host", \
     c=5, "" @DOTS lc rgb ours title "ours", \
     c=8, "" @DOTS lc rgb peer title "peer, accel=on", \
     c=11, "" @DOTS lc rgb virtio title "peer, virtio-iommu"

set terminal svg size 900,460 noenhanced font 'sans-serif,13' background 'white'
set output "bursts.svg"
unset label 1
set lmargin 10
set rmargin 26
set xtics autofreq
set title "One CMDQ_PROD write: n commands and a CMD_SYNC" offset 0,0
set border 3
set tmargin 3
set grid xtics ytics lc rgb "#dddddd"
set ytics scale 1
set key outside right top vertical samplen 1 width 0
set logscale xy
set format y "%g"
set xrange [0.7:25000]
set yrange [100:200000]
set xlabel "commands in the burst (logarithmic)"
set ylabel "microseconds until done (logarithmic)"
plot "bursts.dat" using 1:3 title "peer, contiguous" lc rgb peer pt 7, \
     "" using 1:5 title "peer, scattered" lc rgb peer pt 6, \
     "" using 1:7 title "peer, mixed" lc rgb peer pt 8, \
     "" using 1:6 title "ours, mixed" lc rgb ours pt 8, \
     "" using 1:4 title "ours, scattered" lc rgb ours pt 6, \
     "" using 1:2 title "ours, contiguous" lc rgb ours pt 7
