# Looks at the camera source by itself, in a machine of scripts/camera-vm that starts without a camera; "$@" is the
# example `capture`, and beside it are uvccam and pictures.mjpg.

. /app/common.sh

# --- no camera at all
expect 'no camera is an error with a way out' 1 'no camera found.*sender cameras.*--source pattern' -- "$@"
expect 'the list says that there is none' 0 'No camera found' -- "$@" --list

# --- vivid: raw formats
modprobe vivid || exit 90
appears /dev/video0
expect 'the list names formats, sizes and fractional rates' 0 'camera:0  /dev/video0  vivid' \
    'YUYV +640x480 .* fps' 'NV12 +1280x720  12\.5, .* fps' 'grey +320x180 ' -- "$@" --list
expect 'with no wishes it gives pixels' 0 'opened .*: YUYV 640x480 at 25 fps' 'Yuyv 640x480 whole' \
    'done with 30 pictures' -- "$@"
for format in nv12:Nv12 i420:I420 grey:Gray rgb:Rgb bgr:Bgr; do
    expect "${format%:*} has whole pictures" 0 "${format#*:} 320x180 whole" 'damaged 0' 'done with 10 pictures' -- \
        "$@" --format "${format%:*}" --size 320 180 --fps 25 --frames 10
done
expect 'a size that there is not becomes the nearest' 0 'YUYV 640x480 at 15 fps' 'done with 5 pictures' -- \
    "$@" --size 700 500 --fps 15 --frames 5
expect 'another program leaves it in UYVY' 0 'left in UYVY' -- "$@" --leave UYVY
expect 'and it opens all the same' 0 'Yuyv 640x480 whole' 'done with 5 pictures' -- "$@" --frames 5
expect 'a fractional rate is set and kept' 0 'YUYV 1280x720 at 12\.5 fps' 'done with 5 pictures' -- \
    "$@" --size 1280 720 --frames 5
expect 'and does no harm to the next' 0 'YUYV 640x480 at 25 fps' 'done with 5 pictures' -- "$@" --frames 5
expect 'opening again and again works' 0 'done with 3 pictures' -- \
    sh -c 'for i in 1 2 3 4 5 6; do "$@" --frames 3 || exit 1; done' - "$@"
"$@" --frames 1000 --stop 3 >/tmp/other 2>&1 &
usleep 1000000
expect 'a camera in use is named, and who has it can be found' 1 'in use by another program.*fuser' -- "$@"
wait $!
chmod 600 /dev/video0
expect 'without permission it says what to do' 1 'no permission.*group video' -- \
    start-stop-daemon -S -c nobody -x "$1"

# --- when pictures were taken, and how many are missing
expect 'the stamps of a driver that stamps ends of frames become the middle' 0 '^age [0-9]* us within [1-9]' -- \
    "$@" --control timestamp_source=0 --size 320 180 --fps 25 --frames 50
cp /tmp/said /tmp/ends
expect 'and those of one that stamps starts of exposures' 0 '^age [0-9]* us within [1-9]' -- \
    "$@" --control timestamp_source=1 --size 320 180 --fps 25 --frames 50
agree 'and mean the same' /tmp/ends /tmp/said
expect 'frames that are lost on their way are named' 0 \
    'after [0-9]*: camera /dev/video0 .* fps instead of 25: [0-9]+ % of its frames are lost' -- \
    "$@" --control percentage_of_dropped_buffers=60 --size 320 180 --fps 25 --frames 100
rmmod vivid

# --- a USB camera: MJPEG, unplugging, stalls
modprobe vhci-hcd && modprobe uvcvideo || exit 90
mkfifo /tmp/camera
uvccam --junk --cut 7 640x480@30,15=/app/pictures.mjpg </tmp/camera 2>/tmp/uvccam &
usb=$!
exec 3>/tmp/camera
appears /dev/video0
expect 'its metadata node is not listed' 0 'camera:0  /dev/video0  Software' 'MJPEG +640x480  30, 15 fps' -- "$@" --list
expect 'though there is one' 0 '^0$' -- sh -c 'test -c /dev/video1; grep -c /dev/video1 /tmp/before || test $? = 1'
expect 'a metadata node is no camera' 1 '/dev/video1 is no camera' -- "$@" --camera 1
expect 'pictures are cut at their own end, and damaged ones dropped' 0 'MJPEG 640x480 at 30 fps' 'damaged [1-9]' \
    'done with 60 pictures, 0 unknown' -- "$@" --frames 60 --among /app/pictures.mjpg
expect 'a rate is set exactly' 0 'MJPEG 640x480 at 15 fps' -- "$@" --fps 15 --frames 10 --among /app/pictures.mjpg

(usleep 1500000; camera unplug; usleep 1000000; camera plug) &
expect 'it is unplugged and plugged in again' 0 'gone after [1-9][0-9]*: .*not plugged in; waiting' \
    'done with 90 pictures, 0 unknown' -- "$@" --frames 90 --among /app/pictures.mjpg
expect 'and says so once' 0 '^1$' -- sh -c 'grep gone /tmp/before; grep -c gone /tmp/before'

(usleep 1500000; sleep 9 </dev/video0 & usleep 1500000; camera unplug; usleep 500000; camera plug) &
expect 'it is found under another number' 0 'gone after' 'picture MJPEG' 'done with 90 pictures, 0 unknown' -- \
    "$@" --frames 90 --among /app/pictures.mjpg
camera unplug; usleep 7000000; camera plug; appears /dev/video0

(usleep 1500000; camera stall; usleep 5000000; camera go) &
expect 'it stalls and goes on' 0 'gone after [1-9][0-9]*: .*gives no (whole )?pictures for 2 s' \
    'done with 90 pictures, 0 unknown' -- "$@" --frames 90 --among /app/pictures.mjpg
expect 'and says so once' 0 '^1$' -- sh -c 'grep gone /tmp/before; grep -c gone /tmp/before'

(usleep 1000000; camera stall) &
expect 'it can be stopped during a stall' 0 'stopped at once' -- "$@" --frames 900 --stop 2
expect 'and while it is reopened' 0 'gone after 0' 'stopped at once' -- "$@" --frames 900 --stop 4
camera go
(usleep 1000000; camera unplug) &
expect 'it can be stopped while it is unplugged' 0 'gone after' 'stopped at once' -- "$@" --frames 900 --stop 3

# --- what it says of its exposure; each picture is whole, so that the light alone makes it slow
kill $usb
wait $usb
within_10_s [ ! -c /dev/video0 ]
uvccam 640x480@30=/app/pictures.mjpg </tmp/camera 2>/tmp/uvccam &
exec 3>/tmp/camera
appears /dev/video0
(usleep 2000000; camera dark; usleep 10000000; camera light) &
expect 'a camera that halves its rate in the dark is named, with the way out' 0 \
    'after [0-9]*: camera /dev/video0 .* instead of 30: automatic exposure .*`v4l2-ctl -d /dev/video0 -c exposure_dyn' \
    'after [0-9]*: it is as fast as it should be again' -- "$@" --frames 400
expect 'when its pictures were taken is known by its frames' 0 '^age [0-9]* us within' -- "$@" --frames 60
cp /tmp/said /tmp/automatic
expect 'and by its exposure, where that was set by hand' 0 '^age [0-9]* us within' -- \
    "$@" --control auto_exposure=1 --control exposure_time_absolute=100 --frames 60
agree 'and both agree' /tmp/automatic /tmp/said
expect 'a camera that was told to expose for too long is named' 0 \
    'instead of 30: it is set to expose for 100 ms.*-c exposure_time_absolute=333' -- \
    "$@" --control exposure_time_absolute=1000 --frames 90
kill %uvccam 2>/dev/null
exit $failed
