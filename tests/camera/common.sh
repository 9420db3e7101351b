# What the scripts share that run in a machine of scripts/camera-vm.

failed=0

# expect NAME STATUS PATTERN... -- COMMAND...: it ends with that status (or one of `[01]`) and prints every pattern. What
# the command before it printed is in /tmp/before.
expect() {
    local name=$1 wanted=$2 missing='' pattern status
    shift 2
    : >/tmp/patterns
    while [ "$1" != -- ]; do echo "$1" >>/tmp/patterns; shift; done
    shift
    [ ! -e /tmp/said ] || mv /tmp/said /tmp/before
    timeout 60 "$@" >/tmp/said 2>&1
    status=$?
    case $status in $wanted) ;; *) missing=" status $wanted (it is $status)" ;; esac
    while read -r pattern; do grep -Eq -e "$pattern" /tmp/said || missing="$missing '$pattern'"; done </tmp/patterns
    if [ -z "$missing" ]; then echo "ok      $name"; return; fi
    echo "FAILED  $name: missing$missing; it said:"
    sed 's/^/        /' /tmp/said
    failed=1
}

# agree NAME FILE FILE: the ages that two runs of the example printed into these agree within their bars.
agree() {
    if sed -n 's/^age \([0-9]*\) us within \([0-9]*\) us$/\1 \2/p' "$2" "$3" | awk '
        { age[NR] = $1; bar[NR] = $2 }
        END { off = age[1] - age[2]; if (off < 0) off = -off; exit !(NR == 2 && off <= bar[1] + bar[2]) }'
    then echo "ok      $1 ($(grep -h '^age' "$2" "$3" | tr '\n' ' '))"; return; fi
    echo "FAILED  $1: $(grep -h '^age' "$2" "$3" | tr '\n' ' ')"
    failed=1
}

# camera COMMAND...: tells the USB camera something.
camera() { echo "$*" >&3; }

# appears FILE: waits for it.
appears() {
    within_10_s [ -c "$1" ] || { echo "FAILED  $1 did not appear"; exit 1; }
    usleep 200000
}

# within_10_s COMMAND...: it comes to succeed.
within_10_s() {
    local tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ $tries -lt 100 ] || return 1
        usleep 100000
    done
}
