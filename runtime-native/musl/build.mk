# The launcher is linked with musl where Debian's musl-dev is there, else with glibc like everything else. Most of a launch's own time was glibc's
# start: it asks the processor some fifty times for its features and caches, and in a virtual machine each time is an exit to the
# host. By itself: make build/bin/vxe; its test: make build/native-test/test_fortify

MUSL := $(patsubst %/libc.a,%,$(wildcard /usr/lib/$(MACHINE)-linux-musl/libc.a))
MUSL_INCLUDE := /usr/include/$(MACHINE)-linux-musl
MUSL_LIB := $(B)/musl/libvxe.a
MUSL_FORTIFY := $(B)/musl/obj/musl/fortify.o
# Kernel headers and libseccomp's, and nothing of glibc's.
MUSL_LINKS := $(addprefix $(B)/musl/include/,linux asm asm-generic seccomp.h seccomp-syscalls.h)
MUSL_CFLAGS := $(filter-out -D_FORTIFY_SOURCE=%,$(NATIVE_CFLAGS)) -nostdinc -isystem $(MUSL_INCLUDE) \
	-isystem $(shell $(CC) -print-file-name=include) -isystem $(B)/musl/include -include $(N)/musl/fortify.h
# $(call link_musl,OBJECTS)
link_musl = $(CC) $(MUSL_CFLAGS) $(NATIVE_LDFLAGS) -nostdlib -nostartfiles -o $@ $(MUSL)/rcrt1.o $(MUSL)/crti.o $(1) \
	$(shell $(CC) -print-file-name=libseccomp.a) $(MUSL)/libc.a -lgcc $(MUSL)/crtn.o

ifneq ($(MUSL),)
$(call compile,musl,$(CC),$(MUSL_CFLAGS),CC musl)
$(MUSL_LIB): $(call objects,musl,$(LIB_SOURCES))
	@$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) rcsD $@ $^

$(call objects,musl,$(LIB_SOURCES) $(MAIN_SOURCE)) $(MUSL_FORTIFY): $(N)/musl/build.mk | $(MUSL_LINKS)

$(VXE): $(call objects,musl,$(MAIN_SOURCE)) $(MUSL_FORTIFY) $(MUSL_LIB)
	@$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(call link_musl,$^)

native-tests: $(B)/native-test/test_fortify
$(B)/native-test/test_fortify: $(B)/musl/obj/musl/test_fortify.o $(MUSL_FORTIFY)
	@$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(call link_musl,$^)

# The launcher as it is shipped, without the sanitizers, which let it store texts otherwise.
MUSL_TESTS := $(addprefix $(B)/native-test/test_musl_,json config state file)
native-tests: $(MUSL_TESTS)
$(MUSL_TESTS): $(B)/native-test/test_musl_%: $(B)/musl/obj/test/test_%.o $(MUSL_FORTIFY) $(MUSL_LIB)
	@$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(call link_musl,$^)
$(B)/musl/obj/test/%.o: $(N)/musl/build.mk | $(MUSL_LINKS)
else
$(VXE): $(call objects,native,$(MAIN_SOURCE)) $(LIB)
	@$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(NATIVE_CFLAGS) $(NATIVE_LDFLAGS) -o $@ $^ $(NATIVE_LIBS)
endif

$(B)/musl/include/asm: | $(B)/musl/include
	$(Q)ln -sfn /usr/include/$(shell $(CC) -dumpmachine)/asm $@
$(B)/musl/include/%: | $(B)/musl/include
	$(Q)ln -sfn /usr/include/$(@F) $@
$(B)/musl/include:
	$(Q)mkdir -p $@
