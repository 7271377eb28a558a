# vxe-recorder: the launch library and the recorders. The privileged one needs clang with the BPF target, libbpf and libelf; without
# them it is left out, and both the build and the program say so. By itself: make build/bin/vxe-recorder

BPF_CLANG ?= $(shell command -v clang-19 clang 2>/dev/null | head -1)
BPF_OBJECT := $(B)/bpf/record.bpf.o
VXE_NO_BPF := $(strip $(if $(BPF_CLANG),,clang-19 is missing) $(if $(wildcard /usr/include/bpf/libbpf.h),,libbpf-dev is missing) \
	$(if $(wildcard /usr/include/libelf.h),,libelf-dev is missing) $(if $(filter x86_64,$(shell uname -m)),,only x86_64 has it))
RECORDER_FLAGS := $(if $(VXE_NO_BPF),-DVXE_NO_BPF='"$(VXE_NO_BPF)"',-DVXE_HAVE_BPF -DVXE_RECORD_OBJECT='"$(BPF_OBJECT)"')
RECORDER_LIBS := $(if $(VXE_NO_BPF),,-lbpf -lelf -lz)
RECORDER_OBJECTS := $(call objects,native,$(wildcard $(N)/recorder/*.c))

# -mcpu=v3: atomic operations that give the old value, which every kernel since 5.12 knows.
$(BPF_OBJECT): $(N)/bpf/record.bpf.c $(wildcard $(N)/bpf/*.h) $(N)/recorder/build.mk
	@$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(BPF_CLANG) -O2 -g -target bpf -mcpu=v3 -D__TARGET_ARCH_x86 -Wall -Wextra -Werror \
	  -I/usr/include/$(shell $(CC) -dumpmachine) -c -o $@ $<

$(B)/native/obj/recorder/bpf_source.o: $(N)/recorder/bpf_source.c $(if $(VXE_NO_BPF),,$(BPF_OBJECT)) $(N)/recorder/build.mk Makefile
	@$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(NATIVE_CFLAGS) $(RECORDER_FLAGS) $(call includes,recorder) -MMD -MP -c -o $@ $<

$(RECORDER): $(RECORDER_OBJECTS) $(LIB)
	@$(if $(VXE_NO_BPF),printf '  without the BPF recorder: %s\n' '$(VXE_NO_BPF)')
	@$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(NATIVE_CFLAGS) $(NATIVE_LDFLAGS) -o $@ $(RECORDER_OBJECTS) $(LIB) $(NATIVE_LIBS) $(RECORDER_LIBS)
