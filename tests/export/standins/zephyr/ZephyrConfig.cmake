# What the packages use of Zephyr's build system: an executable "app" and the modules that EXTRA_ZEPHYR_MODULES names, with
# their options of Kconfig as prj.conf sets them.
enable_language(C)

function(zephyr_library_named name)
    add_library(${name} STATIC)
    set(ZEPHYR_CURRENT_LIBRARY ${name} PARENT_SCOPE)
    target_link_libraries(app PRIVATE ${name})
endfunction()

function(zephyr_library_sources)
    target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()

function(zephyr_include_directories)
    foreach(dir ${ARGN})
        target_include_directories(app PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/${dir})
        target_include_directories(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/${dir})
    endforeach()
endfunction()

file(STRINGS ${CMAKE_CURRENT_SOURCE_DIR}/prj.conf settings)
foreach(line ${settings})
    string(REGEX REPLACE "=.*" "" option ${line})
    set(${option} y)
endforeach()

add_executable(app)
foreach(module ${EXTRA_ZEPHYR_MODULES})
    if(NOT EXISTS ${module}/zephyr/module.yml)
        message(FATAL_ERROR "${module} is not a module")
    endif()
    get_filename_component(path ${module} ABSOLUTE)
    add_subdirectory(${path} modules)
endforeach()
