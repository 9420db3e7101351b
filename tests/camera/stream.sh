# Streams from the machine's cameras to receivers on the computer outside. "$@" is `sender`; the port of the receiver of
# raw pictures and how many it is to deliver; the same of the receiver of the USB camera's.

. /app/common.sh
sender=$1 raw_port=$2 usb_port=$4
# The receivers end at their number of frames; a few more are sent, so that a lost one does not matter.
raw_frames=$(($3 * 5 / 4)) usb_frames=$(($5 * 5 / 4))

modprobe vivid || exit 90
appears /dev/video0
expect 'pixels are encoded and sent' 0 '"final":true' '"capture_error_ms":[0-9.]+' "\"sent\":${raw_frames}[,}]" -- \
    "$sender" --source camera --dest "10.0.2.2:$raw_port" --frames $raw_frames --stats-json -
rmmod vivid

modprobe vhci-hcd && modprobe uvcvideo || exit 90
mkfifo /tmp/camera
uvccam --junk 640x480@30=/app/pictures.mjpg </tmp/camera 2>/tmp/uvccam &
exec 3>/tmp/camera
appears /dev/video0
expect 'the doctor says what the camera gives' '[01]' 'camera:0 gives [123][0-9.]* fps; it is camera /dev/video0' \
    'when its pictures are taken is known to within [0-9.]+ ms' -- "$sender" doctor
# Only once it streams: on a busy computer a program takes a while to start.
streams() { grep -Eq '"captured":[1-9]' /tmp/said; }
rm -f /tmp/said
(within_10_s streams; usleep 500000; camera unplug; usleep 1000000; camera plug; usleep 2000000; camera stall; usleep 4000000; camera go) &
expect 'the camera'\''s own JPEGs are sent, past an unplugging and a stall' 0 'not plugged in' 'gives no (whole )?pictures' \
    '"final":true' "\"sent\":${usb_frames}[,}]" -- \
    "$sender" --source camera --dest "10.0.2.2:$usb_port" --frames $usb_frames --stats-json -
kill %uvccam 2>/dev/null
exit $failed
