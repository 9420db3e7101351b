# Streams from the machine's cameras to receivers on the computer outside; "$@" is `sender`, the ports of the two
# receivers, and how many frames each of them is to deliver.

. /app/common.sh
sender=$1 raw=$2 usb=$3 frames=$4
stream() { "$sender" --source camera --stats-json - --dest "10.0.2.2:$1" --frames "$2"; }
# The receivers end at their number of frames; a few more are sent, so that a lost one does not matter.
more=$((frames + frames / 4))

modprobe vivid || exit 90
appears /dev/video0
expect 'pixels are encoded and sent' 0 '"final":true' "\"sent\":$more[,}]" -- stream "$raw" $more
rmmod vivid

modprobe vhci-hcd && modprobe uvcvideo || exit 90
mkfifo /tmp/camera
uvccam --junk 640x480@30=/app/pictures.mjpg </tmp/camera 2>/tmp/uvccam &
exec 3>/tmp/camera
appears /dev/video0
(usleep 1500000; camera unplug; usleep 1000000; camera plug; usleep 2000000; camera stall; usleep 4000000; camera go) &
expect 'the camera'\''s own JPEGs are sent, past an unplugging and a stall' 0 'not plugged in' 'gives no (whole )?pictures' \
    '"final":true' "\"sent\":$((3 * more))[,}]" -- stream "$usb" $((3 * more))
kill %uvccam 2>/dev/null
exit $failed
