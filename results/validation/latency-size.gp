# latency-size.gp: draws latency-size.png and latency-size.svg from latency-size.dat.
# Edit it and run: gnuplot latency-size.gp
DATA = 'latency-size.dat'
set encoding utf8
do for [format in "png svg"] {
if (format eq "png") {
  set terminal pngcairo size 1200,750 font "DejaVu Sans,13" background "white"
} else {
  set terminal svg size 1200,750 font "DejaVu Sans,Verdana,sans-serif,15" background "white"
}
set output 'latency-size.'.format
set border 3 lw 1.2 lc rgb "#444444"
set tics out nomirror
set grid xtics ytics lt 1 lw 1 lc rgb "#DDDDDD"
set bars small
set multiplot layout 1,1 margins 0.0933,0.9750,0.1040,0.8453 spacing 0.0933,0.1200
set label 1000 "Latency against transfer size (median)" at screen 0.5,0.9627 center font ",17.0" tc rgb "#222222"
set key at screen 0.5,0.9360 center top horizontal maxcols 4 Left reverse samplen 3 spacing 1.2
set logscale x 2
set xrange [*:2300]
set xtics (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048)
set xlabel "Transfer (B)"
set yrange [356:2002]
set ylabel "Latency (ns)"
plot \
  DATA index 0 using 1:3 with lines lc rgb "#D55E00" lw 2 dt 1 title "T630 read", \
  DATA index 0 using 1:2 with points lc rgb "#D55E00" pt 4 ps 1.3 lw 1.5 notitle, \
  DATA index 1 using 1:3 with lines lc rgb "#0072B2" lw 2 dt 1 title "T620 local read", \
  DATA index 1 using 1:2 with points lc rgb "#0072B2" pt 6 ps 1.3 lw 1.5 notitle, \
  DATA index 2 using 1:3 with lines lc rgb "#009E73" lw 2 dt 1 title "T630 write then read", \
  DATA index 2 using 1:2 with points lc rgb "#009E73" pt 8 ps 1.3 lw 1.5 notitle, \
  DATA index 3 using 1:3 with lines lc rgb "#CC79A7" lw 2 dt 1 title "T620 remote read", \
  DATA index 3 using 1:2 with points lc rgb "#CC79A7" pt 10 ps 1.3 lw 1.5 notitle, \
  1/0 with points lc rgb "#555555" pt 4 ps 1.3 lw 1.5 title "measured", \
  1/0 with lines lc rgb "#555555" lw 2 title "simulated"
unset multiplot
unset output
}
