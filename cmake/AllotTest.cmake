# Three ways to add a test; each takes LABELS, and PROCESSORS where it keeps more than one busy.
# A test that exits with 77 was skipped and has said why.
# SPDX-License-Identifier: Apache-2.0

function(allot_test_properties name)
    cmake_parse_arguments(test "" "PROCESSORS;TIMEOUT" "LABELS" ${ARGN})
    if(NOT test_PROCESSORS)
        set(test_PROCESSORS 1)
    endif()
    if(NOT test_TIMEOUT)
        set(test_TIMEOUT 180)
    endif()
    set_tests_properties(${name} PROPERTIES LABELS "${test_LABELS}" PROCESSORS ${test_PROCESSORS}
                         TIMEOUT ${test_TIMEOUT} SKIP_RETURN_CODE 77)
endfunction()

# allot_test(NAME SOURCES file... [LIBS target...] [ARGS arg...] [LABELS ...] [PROCESSORS n] [TIMEOUT s])
# A cmocka program, linked with the static library: it reaches what is internal, too.
function(allot_test name)
    cmake_parse_arguments(test "" "PROCESSORS;TIMEOUT" "SOURCES;LIBS;ARGS;LABELS" ${ARGN})
    add_executable(${name} ${test_SOURCES})
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
    target_link_libraries(${name} PRIVATE ${test_LIBS} allot_static PkgConfig::CMOCKA Threads::Threads)
    add_test(NAME ${name} COMMAND ${name} ${test_ARGS})
    allot_test_properties(${name} LABELS ${test_LABELS} PROCESSORS ${test_PROCESSORS}
                          TIMEOUT ${test_TIMEOUT})
endfunction()

# allot_script_test(NAME SCRIPT file [ARGS arg...] [LABELS ...] [PROCESSORS n] [TIMEOUT s])
# A script that finds the command in $ALLOT, the sources in $ALLOT_SOURCE and the build in $ALLOT_BUILD.
function(allot_script_test name)
    cmake_parse_arguments(test "" "SCRIPT;PROCESSORS;TIMEOUT" "ARGS;LABELS" ${ARGN})
    add_test(NAME ${name} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/${test_SCRIPT} ${test_ARGS})
    allot_test_properties(${name} LABELS ${test_LABELS} PROCESSORS ${test_PROCESSORS} TIMEOUT ${test_TIMEOUT})
    set_property(TEST ${name} PROPERTY ENVIRONMENT "ALLOT=${CMAKE_BINARY_DIR}/allot"
                 "ALLOT_SOURCE=${CMAKE_SOURCE_DIR}" "ALLOT_BUILD=${CMAKE_BINARY_DIR}" "CC=${CMAKE_C_COMPILER}"
                 # The leak checker takes thread-locals of a compiled expression for what they are not.
                 "ASAN_OPTIONS=intercept_tls_get_addr=0")
endfunction()

# allot_fuzz(NAME SOURCES file... CORPUS folder [LIBS target...])
# A fuzz target under the fuzz preset; a replay of its corpus, as a test, under every other.
function(allot_fuzz name)
    cmake_parse_arguments(fuzz "" "CORPUS" "SOURCES;LIBS" ${ARGN})
    add_executable(${name} ${fuzz_SOURCES})
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
    target_link_libraries(${name} PRIVATE ${fuzz_LIBS} allot_static)
    if(ALLOT_SANITIZE STREQUAL "fuzzer")
        target_link_options(${name} PRIVATE -fsanitize=fuzzer)
        set_property(GLOBAL APPEND PROPERTY ALLOT_FUZZERS "${name}:${CMAKE_CURRENT_SOURCE_DIR}/${fuzz_CORPUS}")
    else()
        target_sources(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/fuzz/replay.c)
        add_test(NAME ${name} COMMAND ${name} ${CMAKE_CURRENT_SOURCE_DIR}/${fuzz_CORPUS})
        allot_test_properties(${name} LABELS fuzz)
    endif()
endfunction()
