/* The machine-readable description of the API becomes a part of the program. */
.section .rodata
.global openapi_json
openapi_json: .incbin OPENAPI_FILE
.global openapi_json_end
openapi_json_end:
.section .note.GNU-stack,"",@progbits
