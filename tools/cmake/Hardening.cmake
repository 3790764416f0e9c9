# What keeps a memory bug from becoming an attack: OpenSSF's compiler options hardening guide for C and C++ (2026-06-30), as
# far as gcc 12 has them. tests/tools/artifact_test.py looks for the result in the program itself.
# Sanitizers see more without; libFuzzer brings its own.
if(DOCKUPD_SANITIZE OR DOCKUPD_THREAD_SANITIZE OR DOCKUPD_FUZZ)
  return()
endif()
target_compile_options(dockupd_options INTERFACE
  -fstack-protector-strong -fstack-clash-protection -fcf-protection=full
  -fno-delete-null-pointer-checks -fno-strict-overflow -fno-strict-aliasing -ftrivial-auto-var-init=zero
  # Needs an optimiser.
  $<$<CONFIG:Release>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3>)
target_link_options(dockupd_options INTERFACE
  -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code,--as-needed)
include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)
