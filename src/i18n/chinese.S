/* What chinese.cc knows becomes a part of the program. */
.section .rodata
.global chinese_txt
chinese_txt: .incbin CHINESE_FILE
.global chinese_txt_end
chinese_txt_end:
.section .note.GNU-stack,"",@progbits
