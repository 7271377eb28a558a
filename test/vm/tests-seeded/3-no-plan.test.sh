#!/bin/bash
echo 'ok 1 - it breaks off'
