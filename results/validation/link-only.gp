# link-only.gp: draws link-only.png and link-only.svg from link-only.dat.
# Edit it and run: gnuplot link-only.gp
DATA = 'link-only.dat'
set encoding utf8
do for [format in "png svg"] {
if (format eq "png") {
  set terminal pngcairo size 1200,750 font "DejaVu Sans,13" background "white"
} else {
  set terminal svg size 1200,750 font "DejaVu Sans,Verdana,sans-serif,15" background "white"
}
set output 'link-only.'.format
set border 3 lw 1.2 lc rgb "#444444"
set tics out nomirror
set grid xtics ytics lt 1 lw 1 lc rgb "#DDDDDD"
set bars small
set multiplot layout 1,1 margins 0.0933,0.9750,0.1040,0.7760 spacing 0.0933,0.1200
set label 1000 "A PCIe link alone" at screen 0.5,0.9627 center font ",17.0" tc rgb "#222222"
set key at screen 0.5,0.9360 center top horizontal maxcols 3 Left reverse samplen 3 spacing 1.2
set logscale x 2
set xrange [*:2300]
set xtics (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048)
set xlabel "Transfer (B)"
set logscale y 10
set yrange [0.856:548]
set ylabel "Bandwidth (Gb/s)"
plot \
  DATA index 0 using 1:3 with lines lc rgb "#D55E00" lw 2 dt 1 title "Gen3 x8 read", \
  DATA index 0 using 1:2 with points lc rgb "#D55E00" pt 4 ps 1.3 lw 1.5 notitle, \
  DATA index 1 using 1:3 with lines lc rgb "#0072B2" lw 2 dt 1 title "Gen3 x8 write", \
  DATA index 1 using 1:2 with points lc rgb "#0072B2" pt 6 ps 1.3 lw 1.5 notitle, \
  DATA index 2 using 1:3 with lines lc rgb "#009E73" lw 2 dt 1 title "Gen3 x8 both, each way", \
  DATA index 2 using 1:2 with points lc rgb "#009E73" pt 8 ps 1.3 lw 1.5 notitle, \
  DATA index 3 using 1:3 with lines lc rgb "#CC79A7" lw 2 dt 1 title "Gen4 x16 read", \
  DATA index 3 using 1:2 with points lc rgb "#CC79A7" pt 10 ps 1.3 lw 1.5 notitle, \
  DATA index 4 using 1:3 with lines lc rgb "#E69F00" lw 2 dt 1 title "Gen4 x16 write", \
  DATA index 4 using 1:2 with points lc rgb "#E69F00" pt 12 ps 1.3 lw 1.5 notitle, \
  DATA index 5 using 1:3 with lines lc rgb "#56B4E9" lw 2 dt 1 title "Gen4 x16 both, each way", \
  DATA index 5 using 1:2 with points lc rgb "#56B4E9" pt 3 ps 1.3 lw 1.5 notitle, \
  DATA index 6 using 1:3 with lines lc rgb "#000000" lw 2 dt 1 title "Gen5 x16 read", \
  DATA index 6 using 1:2 with points lc rgb "#000000" pt 1 ps 1.3 lw 1.5 notitle, \
  DATA index 7 using 1:3 with lines lc rgb "#D55E00" lw 2 dt (10,4) title "Gen5 x16 write", \
  DATA index 7 using 1:2 with points lc rgb "#D55E00" pt 4 ps 1.3 lw 1.5 notitle, \
  DATA index 8 using 1:3 with lines lc rgb "#0072B2" lw 2 dt (10,4) title "Gen5 x16 both, each way", \
  DATA index 8 using 1:2 with points lc rgb "#0072B2" pt 6 ps 1.3 lw 1.5 notitle, \
  1/0 with points lc rgb "#555555" pt 4 ps 1.3 lw 1.5 title "analytic model", \
  1/0 with lines lc rgb "#555555" lw 2 title "simulated"
unset multiplot
unset output
}
