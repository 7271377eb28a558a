# vxe-attack: the launch library and the battery. Linked at a low address, since the 32-bit entry takes pointers below 4 GiB.
# By itself: make build/bin/vxe-attack

VXE_ATTACK_SOURCES := $(filter-out %_test.c,$(wildcard $(N)/attack/*.c))
VXE_ATTACK_OBJS := $(call objects,native,$(VXE_ATTACK_SOURCES))
VXE_ATTACK_LDFLAGS := -static -no-pie -Wl,-z,relro,-z,now,-z,noexecstack

$(ATTACK): $(VXE_ATTACK_OBJS) $(LIB)
	@$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(NATIVE_CFLAGS) $(VXE_ATTACK_LDFLAGS) -o $@ $^ $(NATIVE_LIBS)
