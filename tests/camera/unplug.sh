# Unplugs the machine's camera again and again while `sender` streams from it. "$@" is `sender`, and how often.
# What it sends goes nowhere; what counts is that each time the camera is found again, and that the kernel stays whole.

. /app/common.sh
sender=$1 times=$2

# is_back N: the sender has found the camera again as often as that.
is_back() { [ "$(grep -c 'the source is back' /tmp/said)" -ge "$1" ]; }

modprobe vhci-hcd && modprobe uvcvideo || exit 90
mkfifo /tmp/camera
uvccam --junk 640x480@30=/app/pictures.mjpg </tmp/camera 2>/tmp/uvccam &
exec 3>/tmp/camera
appears /dev/video0
"$sender" --source camera --dest 127.0.0.1:47803 >/tmp/said 2>&1 &
streams=$!
time=1
while [ $time -le "$times" ]; do
    # Never at the same moment between two pictures.
    usleep $((1000000 + time * 7919 % 50000))
    camera unplug
    usleep 700000
    camera plug
    within_10_s is_back $time && ! dmesg | grep -Eq 'BUG:|Oops' || break
    time=$((time + 1))
done
if [ $time -gt "$times" ]; then
    echo "ok      $times times it was unplugged and found again"
else
    echo "FAILED  the camera was not found again after unplugging $time; the sender said, and the kernel:"
    (tail -5 /tmp/said; dmesg | grep -A 30 'BUG:') | sed 's/^/        /'
    failed=1
fi
kill -INT $streams
wait $streams || { echo "FAILED  the sender ends in order (status $?)"; failed=1; }
kill %uvccam 2>/dev/null
exit $failed
