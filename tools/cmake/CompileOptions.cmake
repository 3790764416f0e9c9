# How every target of ours is compiled. Include once, from the root.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
set(CMAKE_CXX_FLAGS_DEBUG "-g1 -O0")
set(CMAKE_CXX_FLAGS_RELEASE "-O2")

find_program(CCACHE ccache)
if(CCACHE)
  # ccache needs to be told that a precompiled header may be trusted.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
endif()

add_library(dockupd_options INTERFACE)
target_compile_options(dockupd_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wformat=2
  -Wimplicit-fallthrough -Werror
  $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess -Wtrampolines -Wbidi-chars=any>)
target_compile_definitions(dockupd_options INTERFACE _GLIBCXX_ASSERTIONS)
target_include_directories(dockupd_options INTERFACE ${CMAKE_SOURCE_DIR})
include(Hardening)
if(DOCKUPD_THREAD_SANITIZE)
  # -Wno-tsan: Asio has a memory fence that ThreadSanitizer does not follow; it is beside a lock.
  target_compile_options(dockupd_options INTERFACE -fsanitize=thread -fno-omit-frame-pointer -Wno-tsan)
  target_link_options(dockupd_options INTERFACE -fsanitize=thread)
endif()
if(DOCKUPD_SANITIZE)
  target_compile_options(dockupd_options INTERFACE
    -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(dockupd_options INTERFACE -fsanitize=address,undefined)
endif()
option(DOCKUPD_FUZZ "The targets of tests/fuzz with libFuzzer (clang only)" OFF)
if(DOCKUPD_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL Clang)
    message(FATAL_ERROR "DOCKUPD_FUZZ needs clang: libFuzzer is part of it. Use the preset fuzz.")
  endif()
  # -O1: the sanitized code is run as often as it can be. RapidJSON 1.1 adds to its empty stack's null pointer.
  target_compile_options(dockupd_options INTERFACE
    -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize=pointer-overflow
    -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(dockupd_options INTERFACE -fsanitize=address,undefined)
endif()
# A program that needs nothing but the C library starts in a third of the time (it would have 22 shared libraries, half of
# them for formats of libarchive that are never used), and runs on hosts that have none of them. Sanitizers want the
# shared libstdc++.
if(DOCKUPD_SANITIZE OR DOCKUPD_THREAD_SANITIZE OR DOCKUPD_FUZZ)
  set(DOCKUPD_STATIC OFF)
endif()
if(DOCKUPD_STATIC)
  set(CMAKE_FIND_LIBRARY_SUFFIXES .a .so)
  target_link_options(dockupd_options INTERFACE LINKER:--gc-sections)  # unused formats, and what they would need in turn
endif()
