# The Node-API addon over libseccomp. Included from the top; uses its BUILD, or build/ when included alone.
BUILD ?= build
NODE_SECCOMP_CC ?= cc
NODE_SECCOMP_DIR := runtime-native/node-seccomp
NODE_SECCOMP := $(BUILD)/node-seccomp/node_seccomp.node
NODE_SECCOMP_SOURCES := $(wildcard $(NODE_SECCOMP_DIR)/*.c)
NODE_SECCOMP_HEADERS := $(wildcard $(NODE_SECCOMP_DIR)/*.h)
NODE_SECCOMP_CFLAGS := -std=c17 -O2 -g -fPIC -fvisibility=hidden -D_GNU_SOURCE -DNAPI_VERSION=8 \
	-DNODE_GYP_MODULE_NAME=node_seccomp \
	-Wall -Wextra -Wshadow -Wstrict-prototypes -Wformat=2 -Werror \
	-fstack-protector-strong -fstack-clash-protection -fcf-protection -D_FORTIFY_SOURCE=3 \
	-isystem node_modules/node-api-headers/include
NODE_SECCOMP_LDFLAGS := -shared -Wl,-z,relro,-z,now,-z,noexecstack

$(NODE_SECCOMP): $(NODE_SECCOMP_SOURCES) $(NODE_SECCOMP_HEADERS) $(NODE_SECCOMP_DIR)/build.mk
	@mkdir -p $(@D)
	$(NODE_SECCOMP_CC) $(NODE_SECCOMP_CFLAGS) $(NODE_SECCOMP_SOURCES) $(NODE_SECCOMP_LDFLAGS) -o $@ -lseccomp

.PHONY: node-seccomp
node-seccomp: $(NODE_SECCOMP)
