# What `make install` puts where, and how other projects find it: allot.pc for pkg-config, and a CMake
# package with allot::allot (shared) and, where hwloc's headers are, allot::allot_static.
# SPDX-License-Identifier: Apache-2.0
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/allot)

install(TARGETS allot_shared EXPORT allot_shared)
install(TARGETS allot_static EXPORT allot_static)
install(TARGETS allot_command)
install(TARGETS allot_agent allot_md_program RUNTIME DESTINATION libexec/allot)
if(TARGET allot_md_mpi)
    install(TARGETS allot_md_mpi RUNTIME DESTINATION libexec/allot)
endif()
install(DIRECTORY include/allot TYPE INCLUDE FILES_MATCHING PATTERN "*.h")
install(EXPORT allot_shared NAMESPACE allot:: FILE allot-targets.cmake DESTINATION ${package_dir})
install(EXPORT allot_static NAMESPACE allot:: FILE allot-static-targets.cmake DESTINATION ${package_dir})

configure_package_config_file(cmake/allot-config.cmake.in allot-config.cmake INSTALL_DESTINATION ${package_dir})
# Before 1.0 a new minor version may break the interface, as its SONAME's users know.
write_basic_package_version_file(allot-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/allot-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/allot-config-version.cmake DESTINATION ${package_dir})

file(RELATIVE_PATH package_up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" package_up "${package_up}")
configure_file(cmake/allot.pc.in allot.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/allot.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

file(GLOB pages ${CMAKE_CURRENT_SOURCE_DIR}/docs/man/*.1)
install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES docs/man/allot.3 DESTINATION ${CMAKE_INSTALL_MANDIR}/man3)
install(FILES docs/man/allot-tasks.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES packaging/completions/allot.bash RENAME allot
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES packaging/completions/_allot DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES packaging/completions/allot.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
