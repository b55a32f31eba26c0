# latency-distribution.gp: draws latency-distribution.png and latency-distribution.svg from latency-distribution.dat.
# Edit it and run: gnuplot latency-distribution.gp
DATA = 'latency-distribution.dat'
set encoding utf8
do for [format in "png svg"] {
if (format eq "png") {
  set terminal pngcairo size 1200,750 font "DejaVu Sans,13" background "white"
} else {
  set terminal svg size 1200,750 font "DejaVu Sans,Verdana,sans-serif,15" background "white"
}
set output 'latency-distribution.'.format
set border 3 lw 1.2 lc rgb "#444444"
set tics out nomirror
set grid xtics ytics lt 1 lw 1 lc rgb "#DDDDDD"
set bars small
set multiplot layout 1,1 margins 0.0933,0.9750,0.1040,0.8453 spacing 0.0933,0.1200
set label 1000 "Distribution of the latency of 64 B reads" at screen 0.5,0.9627 center font ",17.0" tc rgb "#222222"
set key at screen 0.5,0.9360 center top horizontal maxcols 3 Left reverse samplen 3 spacing 1.2
set xrange [-0.4:8.4]
set xtics ("1" 0, "5" 1, "25" 2, "50" 3, "75" 4, "90" 5, "95" 6, "99" 7, "99.9" 8)
set xlabel "Share of operations that take at most so long (%)"
set yrange [446.6:910]
set ylabel "Latency (ns)"
plot \
  DATA index 0 using 1:3 with lines lc rgb "#D55E00" lw 2 dt 1 title "read cold 8 KiB", \
  DATA index 0 using 1:2 with points lc rgb "#D55E00" pt 4 ps 1.3 lw 1.5 notitle, \
  DATA index 1 using 1:3 with lines lc rgb "#0072B2" lw 2 dt 1 title "read cold 64 MiB", \
  DATA index 1 using 1:2 with points lc rgb "#0072B2" pt 6 ps 1.3 lw 1.5 notitle, \
  DATA index 2 using 1:3 with lines lc rgb "#009E73" lw 2 dt 1 title "read warmed by CPU 8 KiB", \
  DATA index 2 using 1:2 with points lc rgb "#009E73" pt 8 ps 1.3 lw 1.5 notitle, \
  DATA index 3 using 1:3 with lines lc rgb "#CC79A7" lw 2 dt 1 title "read warmed by CPU 64 MiB", \
  DATA index 3 using 1:2 with points lc rgb "#CC79A7" pt 10 ps 1.3 lw 1.5 notitle, \
  1/0 with points lc rgb "#555555" pt 4 ps 1.3 lw 1.5 title "measured", \
  1/0 with lines lc rgb "#555555" lw 2 title "simulated"
unset multiplot
unset output
}
