# What the scripts share that run in a machine of scripts/camera-vm.

failed=0

# expect NAME STATUS PATTERN... -- COMMAND...: it ends with that status and prints every pattern. What the command before
# it printed is in /tmp/before.
expect() {
    local name=$1 wanted=$2 missing='' pattern status
    shift 2
    : >/tmp/patterns
    while [ "$1" != -- ]; do echo "$1" >>/tmp/patterns; shift; done
    shift
    [ ! -e /tmp/said ] || mv /tmp/said /tmp/before
    timeout 60 "$@" >/tmp/said 2>&1
    status=$?
    [ $status = "$wanted" ] || missing=" status $wanted (it is $status)"
    while read -r pattern; do grep -Eq -e "$pattern" /tmp/said || missing="$missing '$pattern'"; done </tmp/patterns
    if [ -z "$missing" ]; then echo "ok      $name"; return; fi
    echo "FAILED  $name: missing$missing; it said:"
    sed 's/^/        /' /tmp/said
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
