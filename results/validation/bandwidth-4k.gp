# bandwidth-4k.gp: draws bandwidth-4k.png and bandwidth-4k.svg from bandwidth-4k.dat.
# Edit it and run: gnuplot bandwidth-4k.gp
DATA = 'bandwidth-4k.dat'
set encoding utf8
do for [format in "png svg"] {
if (format eq "png") {
  set terminal pngcairo size 1200,750 font "DejaVu Sans,13" background "white"
} else {
  set terminal svg size 1200,750 font "DejaVu Sans,Verdana,sans-serif,15" background "white"
}
set output 'bandwidth-4k.'.format
set border 3 lw 1.2 lc rgb "#444444"
set tics out nomirror
set grid xtics ytics lt 1 lw 1 lc rgb "#DDDDDD"
set bars small
set multiplot layout 1,1 margins 0.0933,0.9750,0.1040,0.8800 spacing 0.0933,0.1200
set label 1000 "Bandwidth against window: 4 KiB pages" at screen 0.5,0.9627 center font ",17.0" tc rgb "#222222"
set key at screen 0.5,0.9360 center top horizontal maxcols 6 Left reverse samplen 3 spacing 1.2
set logscale x 2
set xrange [3500:8e7]
set xtics ("4 KiB" 4096, "16 KiB" 16384, "64 KiB" 65536, "256 KiB" 262144, "1 MiB" 1048576, "4 MiB" 4194304, "16 MiB" 16777216, "64 MiB" 67108864)
set xlabel "Window"
set yrange [0:32.92]
set ylabel "Bandwidth (Gb/s)"
plot \
  DATA index 0 using 1:4 with lines lc rgb "#D55E00" lw 1.5 dt (3,4) notitle, \
  DATA index 0 using 1:3 with lines lc rgb "#D55E00" lw 2 dt 1 title "write", \
  DATA index 0 using 1:2 with points lc rgb "#D55E00" pt 4 ps 1.3 lw 1.5 notitle, \
  DATA index 1 using 1:4 with lines lc rgb "#0072B2" lw 1.5 dt (3,4) notitle, \
  DATA index 1 using 1:3 with lines lc rgb "#0072B2" lw 2 dt 1 title "read", \
  DATA index 1 using 1:2 with points lc rgb "#0072B2" pt 6 ps 1.3 lw 1.5 notitle, \
  1/0 with lines lc rgb "#555555" lw 1.5 dt (3,4) title "link model", \
  1/0 with points lc rgb "#555555" pt 4 ps 1.3 lw 1.5 title "measured", \
  1/0 with lines lc rgb "#555555" lw 2 title "simulated"
unset multiplot
unset output
}
