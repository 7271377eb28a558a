# vxe-attack: the launch library and the battery. Linked at a low address, since the 32-bit entry takes pointers below 4 GiB.
# By itself: make build/bin/vxe-attack; its test: make build/native-test/test_battery

VXE_ATTACK_SOURCES := $(filter-out $(N)/attack/main.c $(N)/attack/test_%.c,$(wildcard $(N)/attack/*.c))
VXE_ATTACK_OBJS := $(call objects,native,$(VXE_ATTACK_SOURCES))
VXE_ATTACK_LDFLAGS := -static -no-pie -Wl,-z,relro,-z,now,-z,noexecstack

$(ATTACK): $(call objects,native,$(N)/attack/main.c) $(VXE_ATTACK_OBJS) $(LIB)
	@$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(NATIVE_CFLAGS) $(VXE_ATTACK_LDFLAGS) -o $@ $^ $(NATIVE_LIBS)

# Without the sanitizers: they make calls of their own, which a confinement refuses them.
native-tests: $(B)/native-test/test_battery
$(B)/native-test/test_battery: $(N)/attack/test_battery.c $(VXE_ATTACK_OBJS) $(LIB)
	@$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(NATIVE_CFLAGS) $(call includes,attack) $(VXE_ATTACK_LDFLAGS) -o $@ $(filter %.c %.o %.a,$^) $(NATIVE_LIBS)
