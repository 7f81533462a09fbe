# SPDX-License-Identifier: GPL-2.0-or-later
#
# Plots of make bench: bench/report writes the .dat files and runs this where they are. Each as SVG and as PNG.

formats = "svg png"
terminal_svg = "set terminal svg size 900,480 noenhanced font 'sans-serif,13' background 'white'"
terminal_png = "set terminal pngcairo size 900,480 noenhanced font 'sans-serif,11' background 'white'"

ours = "#1b6ca8"; peer = "#d1603d"; virtio = "#9a9a9a"; bare = "#4c9f70"

set style fill solid 0.9 noborder
set border 3
set tics nomirror
set grid ytics lc rgb "#dddddd"
set key outside right top
set format y "%g"

do for [format in formats] {
    eval(format eq "svg" ? terminal_svg : terminal_png)

    set style data histograms
    set style histogram clustered gap 1.5
    set boxwidth 0.9
    set logscale y
    set yrange [1:*]
    set ylabel "microseconds per unmap (log scale)"
    do for [threads in "1 2"] {
        set output "unmap-".threads.".".format
        set title "dma_unmap, ".threads." thread".(threads eq "1" ? "" : "s")
        plot "unmap-".threads.".dat" using 2:xtic(1) title "bare host" lc rgb bare, \
             "" using 3 title "guest, ours" lc rgb ours, \
             "" using 4 title "guest, peer accel=on" lc rgb peer, \
             "" using 5 title "guest, peer virtio-iommu" lc rgb virtio
    }
    set output "noril.".format
    set title "dma_unmap without range invalidation (ril=off), 1 thread"
    plot "noril.dat" using 2:xtic(1) title "guest, ours" lc rgb ours, \
         "" using 3 title "guest, peer accel=on" lc rgb peer

    unset logscale y
    set yrange [0:*]
    set ylabel "reads per second"
    set output "fio.".format
    set title "NVMe reads (fio, direct, strict DMA)"
    plot "fio.dat" using 2:xtic(1) title "bare host" lc rgb bare, \
         "" using 3 title "guest, ours" lc rgb ours, \
         "" using 4 title "guest, peer accel=on" lc rgb peer, \
         "" using 5 title "guest, peer virtio-iommu" lc rgb virtio

    set style data linespoints
    set logscale xy
    set xrange [1:20000]
    set yrange [100:200000]
    set xlabel "commands in the burst (log scale)"
    set ylabel "microseconds until done (log scale)"
    set output "bursts.".format
    set title "One CMDQ_PROD write: n commands and a CMD_SYNC"
    plot "bursts.dat" using 1:2 title "contiguous, ours" lc rgb ours pt 7 lw 2, \
         "" using 1:3 title "contiguous, peer" lc rgb peer pt 7 lw 2, \
         "" using 1:4 title "scattered, ours" lc rgb ours pt 4 dt 2, \
         "" using 1:5 title "scattered, peer" lc rgb peer pt 4 dt 2, \
         "" using 1:6 title "mixed, ours" lc rgb ours pt 8 dt 3, \
         "" using 1:7 title "mixed, peer" lc rgb peer pt 8 dt 3

    set xrange [1:5000]
    set yrange [0.1:100]
    set xlabel "commands in a window (log scale)"
    set ylabel "nanoseconds per command (log scale)"
    set output "engine.".format
    set title "The engine alone, on a port that does nothing"
    plot "engine-apart.dat" using 1:2 title "apart" lc rgb ours pt 7 lw 2, \
         "engine-shuffled.dat" using 1:2 title "shuffled" lc rgb peer pt 5, \
         "engine-together.dat" using 1:2 title "together" lc rgb bare pt 9, \
         "engine-mixed.dat" using 1:2 title "mixed" lc rgb virtio pt 11, \
         "engine-apart.dat" using 1:3 title "a plain copy" lc rgb "black" dt 2 pt 1
    unset logscale
    set xrange [*:*]
    unset xlabel
    set output
}
