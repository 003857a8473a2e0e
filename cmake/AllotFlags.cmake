# The flags that hold for every target.
# SPDX-License-Identifier: Apache-2.0

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug or Release" FORCE)
endif()
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g")

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
# One set of objects serves the shared and the static library.
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

include_directories(${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
add_compile_options(-Wall -Wextra -Wshadow -Wconversion -Wvla -fno-semantic-interposition)
# Defined as a file would with `#define _GNU_SOURCE`, so that neither redefines the other; g++ has its own.
add_compile_definitions($<$<COMPILE_LANGUAGE:C>:_GNU_SOURCE=>)
if(ALLOT_WERROR)
    add_compile_options(-Werror)
endif()

# Thread-locals of the shared library by descriptor: two instructions where the library is there from the start,
# and no share of the little room that programs keep for libraries loaded later. Elsewhere this is the default.
include(CheckCCompilerFlag)
check_c_compiler_flag(-mtls-dialect=gnu2 ALLOT_HAS_TLS_DIALECT)
if(ALLOT_HAS_TLS_DIALECT)
    set(ALLOT_TLS_FLAGS -mtls-dialect=gnu2)
endif()

if(ALLOT_SANITIZE STREQUAL "fuzzer")
    add_compile_options(-fsanitize=fuzzer-no-link,address,undefined)
    add_link_options(-fsanitize=address,undefined)
elseif(ALLOT_SANITIZE)
    add_compile_options(-fsanitize=${ALLOT_SANITIZE})
    add_link_options(-fsanitize=${ALLOT_SANITIZE})
endif()
if(ALLOT_SANITIZE)
    # The first finding ends the program, so that a test cannot pass over it.
    add_compile_options(-fno-omit-frame-pointer -fno-sanitize-recover=all)
endif()
