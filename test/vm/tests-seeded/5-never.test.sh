#!/bin/bash
echo 'ok 1 - nobody runs this'
echo 1..1
