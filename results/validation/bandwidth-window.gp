# bandwidth-window.gp: draws bandwidth-window.png and bandwidth-window.svg from bandwidth-window.dat.
# Edit it and run: gnuplot bandwidth-window.gp
DATA = 'bandwidth-window.dat'
set encoding utf8
do for [format in "png svg"] {
if (format eq "png") {
  set terminal pngcairo size 1200,750 font "DejaVu Sans,13" background "white"
} else {
  set terminal svg size 1200,750 font "DejaVu Sans,Verdana,sans-serif,15" background "white"
}
set output 'bandwidth-window.'.format
set border 3 lw 1.2 lc rgb "#444444"
set tics out nomirror
set grid xtics ytics lt 1 lw 1 lc rgb "#DDDDDD"
set bars small
set multiplot layout 1,1 margins 0.0933,0.9750,0.1040,0.7760 spacing 0.0933,0.1200
set label 1000 "Bandwidth against window" at screen 0.5,0.9627 center font ",17.0" tc rgb "#222222"
set key at screen 0.5,0.9360 center top horizontal maxcols 3 Left reverse samplen 3 spacing 1.2
set logscale x 2
set xrange [3500:8e7]
set xtics ("4 KiB" 4096, "16 KiB" 16384, "64 KiB" 65536, "256 KiB" 262144, "1 MiB" 1048576, "4 MiB" 4194304, "16 MiB" 16777216, "64 MiB" 67108864)
set xlabel "Window"
set yrange [0:58.06]
set ylabel "Bandwidth (Gb/s)"
plot \
  DATA index 0 using 1:4 with lines lc rgb "#D55E00" lw 1.5 dt (3,4) notitle, \
  DATA index 0 using 1:3 with lines lc rgb "#D55E00" lw 2 dt 1 title "read 256 B cold", \
  DATA index 0 using 1:2 with points lc rgb "#D55E00" pt 4 ps 1.3 lw 1.5 notitle, \
  DATA index 1 using 1:4 with lines lc rgb "#0072B2" lw 1.5 dt (3,4) notitle, \
  DATA index 1 using 1:3 with lines lc rgb "#0072B2" lw 2 dt 1 title "read 256 B warmed by CPU", \
  DATA index 1 using 1:2 with points lc rgb "#0072B2" pt 6 ps 1.3 lw 1.5 notitle, \
  DATA index 2 using 1:4 with lines lc rgb "#009E73" lw 1.5 dt (3,4) notitle, \
  DATA index 2 using 1:3 with lines lc rgb "#009E73" lw 2 dt 1 title "read 64 B cold", \
  DATA index 2 using 1:2 with points lc rgb "#009E73" pt 8 ps 1.3 lw 1.5 notitle, \
  DATA index 3 using 1:4 with lines lc rgb "#CC79A7" lw 1.5 dt (3,4) notitle, \
  DATA index 3 using 1:3 with lines lc rgb "#CC79A7" lw 2 dt 1 title "read 64 B warmed by CPU", \
  DATA index 3 using 1:2 with points lc rgb "#CC79A7" pt 10 ps 1.3 lw 1.5 notitle, \
  DATA index 4 using 1:4 with lines lc rgb "#E69F00" lw 1.5 dt (3,4) notitle, \
  DATA index 4 using 1:3 with lines lc rgb "#E69F00" lw 2 dt 1 title "write 256 B cold", \
  DATA index 4 using 1:2 with points lc rgb "#E69F00" pt 12 ps 1.3 lw 1.5 notitle, \
  DATA index 5 using 1:4 with lines lc rgb "#56B4E9" lw 1.5 dt (3,4) notitle, \
  DATA index 5 using 1:3 with lines lc rgb "#56B4E9" lw 2 dt 1 title "write 256 B warmed by CPU", \
  DATA index 5 using 1:2 with points lc rgb "#56B4E9" pt 3 ps 1.3 lw 1.5 notitle, \
  DATA index 6 using 1:4 with lines lc rgb "#000000" lw 1.5 dt (3,4) notitle, \
  DATA index 6 using 1:3 with lines lc rgb "#000000" lw 2 dt 1 title "write 64 B cold", \
  DATA index 6 using 1:2 with points lc rgb "#000000" pt 1 ps 1.3 lw 1.5 notitle, \
  DATA index 7 using 1:4 with lines lc rgb "#D55E00" lw 1.5 dt (3,4) notitle, \
  DATA index 7 using 1:3 with lines lc rgb "#D55E00" lw 2 dt (10,4) title "write 64 B warmed by CPU", \
  DATA index 7 using 1:2 with points lc rgb "#D55E00" pt 4 ps 1.3 lw 1.5 notitle, \
  1/0 with lines lc rgb "#555555" lw 1.5 dt (3,4) title "link model", \
  1/0 with points lc rgb "#555555" pt 4 ps 1.3 lw 1.5 title "measured", \
  1/0 with lines lc rgb "#555555" lw 2 title "simulated"
unset multiplot
unset output
}
