# sample_capture.awk - lines for make_capture: the capture of
# scenarios/explore/pcap-replay.yaml. 1000 frames in bursts, with the lengths of
# the "simple IMIX" (7 : 4 : 1 of 64, 594 and 1518 B with FCS), each burst back to
# back at 10 Gb/s. From the first to the last are 1998 us, so that a pass, which
# adds the mean distance, takes 2 ms. Park and Miller's generator draws, so that
# every awk writes the same.
function draw(n) {
  state = (state * 16807) % 2147483647
  return state % n
}
function length_of(k) { return k < 7 ? 60 : k < 11 ? 590 : 1514 }
BEGIN {
  state = 20240422
  for (i = 0; i < 1000; left--) {
    if (left == 0) {
      start = i == 0 ? 0 : int(1998000 * i / 1000) + draw(4000)
      if (start > time) time = start
      left = 4 + draw(25)
      port = 1024 + draw(64)
    }
    bytes = length_of(draw(12))
    if (++i == 1000) time = 1998000
    printf "1700000000%09d %d udp %d\n", time, bytes, port
    time += int((bytes + 24) * 8 / 10)
  }
}
