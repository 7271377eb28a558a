#!/bin/bash
echo 'ok 1 - it begins'
echo 'seeded: this one hangs' >/dev/ttyS0
sleep 1000000
